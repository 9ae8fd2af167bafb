"""The one asset that all functions share: their sources and the pinned wheels that the Lambda runtime lacks."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import jsii
from aws_cdk import AssetHashType, BundlingOptions, DockerImage, ILocalBundling
from aws_cdk import aws_lambda as lambda_
from uv import find_uv_bin

RUNTIME = lambda_.Runtime.PYTHON_3_13
ARCHITECTURE = lambda_.Architecture.ARM_64

_PACKAGE = Path(__file__).parent
# In the wheel the sources lie inside the package; in a checkout, beside it.
SOURCE = next(path for path in (_PACKAGE / "_lambda_src", _PACKAGE.parent / "lambda_src") if path.is_dir())
_REQUIREMENTS = SOURCE / "requirements.txt"


def lambda_code() -> lambda_.Code:
    """The code of every function. Built without Docker, at synthesis, once for each content of the sources.

    Raises:
        RuntimeError: from synthesis, if the pinned wheels cannot be fetched; it holds the installer's words.
    """
    return lambda_.Code.from_asset(
        str(SOURCE),
        asset_hash_type=AssetHashType.CUSTOM,
        asset_hash=_content_hash(),
        bundling=BundlingOptions(
            image=DockerImage.from_registry("unused"),
            local=_Wheels(),  # type: ignore[arg-type] # jsii passes Docker's options as one argument
        ),
    )


def build(output: Path) -> None:
    """Put sources and wheels into `output`, with identical bytes for identical input."""
    command = [
        *(find_uv_bin(), "pip", "install", "--target", str(output), "--requirement", str(_REQUIREMENTS)),
        *("--require-hashes", "--no-deps", "--only-binary", ":all:", "--no-config", "--quiet"),
        *("--python-version", RUNTIME.name.removeprefix("python"), "--python-platform", "aarch64-manylinux_2_28"),
        # A link would tie the asset to the installer's cache.
        *("--link-mode", "copy"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the Lambda functions' dependencies could not be installed:\n{done.stderr}")
    # Written per machine (a script's interpreter, the installer's records), and used by no function.
    shutil.rmtree(output / "bin", ignore_errors=True)
    for name in ("RECORD", "INSTALLER", "REQUESTED", "uv_cache.json"):
        for record in output.glob(f"*.dist-info/{name}"):
            record.unlink()
    (output / ".lock").unlink(missing_ok=True)
    shutil.copytree(SOURCE, output, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))


def _content_hash() -> str:
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for path in sorted(SOURCE.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            content = path.read_bytes()
            digest.update(f"{path.relative_to(SOURCE).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


@jsii.implements(ILocalBundling)
class _Wheels:
    def try_bundle(self, output_dir: str, _options: object) -> bool:
        build(Path(output_dir))
        return True
