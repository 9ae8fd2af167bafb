"""The software bill of materials of the functions' asset, as CycloneDX: `make sbom` writes it to dist/."""

from __future__ import annotations

import json
import re
import tomllib
import uuid
from importlib import metadata
from pathlib import Path
from typing import Any

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

from alertlogic_constructs._lambda_asset import RUNTIME

_ROOT = Path(__file__).parents[1]
TARGET = _ROOT / "dist" / "alertlogic-constructs-lambda.cdx.json"
REQUIREMENTS = _ROOT / "lambda_src" / "requirements.txt"
LOCK = _ROOT / "uv.lock"

# For these platforms the asset's wheels are chosen, the first that fits: see build() in _lambda_asset.py.
_PLATFORMS = [f"manylinux_2_{minor}_aarch64" for minor in range(28, 16, -1)]


def pins(requirements: str) -> dict[str, str]:
    """Return the version of each package that the asset installs."""
    return dict(re.findall(r"^([\w.-]+)==(\S+)", requirements, re.MULTILINE))


def describe() -> str:
    """Write the bill as JSON, the same for the same pins: each package, with the hash of the wheel in the asset.

    Raises:
        StopIteration: if no wheel of a package fits the Lambda runtime.
    """
    requirements = REQUIREMENTS.read_text("utf-8")
    versions = pins(requirements)
    locked = {one["name"]: one for one in tomllib.loads(LOCK.read_text("utf-8"))["package"]}
    packages = {name: _component(locked[name], version) for name, version in versions.items()}
    version = metadata.version("alertlogic-constructs")
    asset = Component(
        name="alertlogic-constructs-lambda", version=version, type=ComponentType.APPLICATION, bom_ref="asset"
    )
    bom = Bom(components=packages.values(), serial_number=uuid.uuid5(uuid.NAMESPACE_OID, f"{version}\n{requirements}"))
    bom.metadata.component = asset
    needed = {name: {one["name"] for one in locked[name].get("dependencies", ())} for name in packages}
    for name, dependencies in needed.items():
        bom.register_dependency(packages[name], [packages[other] for other in sorted(dependencies)])
    direct = packages.keys() - set[str]().union(*needed.values())
    bom.register_dependency(asset, [packages[name] for name in sorted(direct)])
    bill = json.loads(JsonV1Dot6(bom).output_as_string())
    del bill["metadata"]["timestamp"]
    return json.dumps(bill, indent=2) + "\n"


def _component(package: dict[str, Any], version: str) -> Component:
    wheels = {one["url"].rsplit("/", maxsplit=1)[1]: one["hash"].removeprefix("sha256:") for one in package["wheels"]}
    wheel = next(name for tag in _tags() for name in wheels if tag in parse_wheel_filename(name)[3])
    purl = PackageURL("pypi", name=package["name"], version=version)
    return Component(
        name=package["name"],
        version=version,
        type=ComponentType.LIBRARY,
        bom_ref=str(purl),
        purl=purl,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=wheels[wheel])],
        properties=[Property(name="alertlogic-constructs:wheel", value=wheel)],
    )


def _tags() -> list[Tag]:
    major, minor = map(int, RUNTIME.name.removeprefix("python").split("."))
    interpreter = f"cp{major}{minor}"
    return [
        *cpython_tags((major, minor), platforms=_PLATFORMS),
        *compatible_tags((major, minor), interpreter, platforms=_PLATFORMS),
    ]


if __name__ == "__main__":
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(describe(), "utf-8")
