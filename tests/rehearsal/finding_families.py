"""What GuardDuty finds, by family: which resource, which action, how severe.

Members as in GuardDuty's API, each with a small first letter:
https://docs.aws.amazon.com/guardduty/latest/APIReference/API_Finding.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.rehearsal.finding_parts import (
    API_CALLS,
    THREATS,
    access_key,
    anomaly,
    api_call,
    bucket,
    container,
    ecs_cluster,
    eks_cluster,
    instance,
    login,
    probe,
    process,
    threat,
    unusual_call,
    workload,
)
from tests.rehearsal.finding_values import WORDS, Draft, Values
from tests.rehearsal.templates import Json

if TYPE_CHECKING:
    from collections.abc import Callable

# Whole numbers come as both: a JSON number that says 8.0 must still say so where it ends.
LOW: tuple[float, ...] = (2, 2.0, 3.5)
MEDIUM: tuple[float, ...] = (5, 5.0, 4.7, 6.31)
HIGH: tuple[float, ...] = (8, 8.0, 7.45, 8.9)
CRITICAL: tuple[float, ...] = (9.0, 9.5, 10)


def ec2(values: Values) -> Draft:
    tags, pile = list[Json](), list[Json]()
    match values.number % 3:
        case 0:
            kind = "UnauthorizedAccess:EC2/SSHBruteForce"
            connection = {
                "connectionDirection": "INBOUND",
                "protocol": "TCP",
                "blocked": values.one_of((True, False)),
                "localNetworkInterface": f"eni-{values.hex(17)}",
                **probe(values),
                "remotePortDetails": {"port": 1024 + values.number_to(60000), "portName": "Unknown"},
            }
            action = {"actionType": "NETWORK_CONNECTION", "networkConnectionAction": connection}
        case 1:
            kind = "CryptoCurrency:EC2/BitcoinTool.B!DNS"
            request = {"domain": f"pool-{values.hex(8)}.example", "protocol": "UDP", "blocked": False}
            action = {"actionType": "DNS_REQUEST", "dnsRequestAction": request}
        case _:
            kind = "Recon:EC2/PortProbeUnprotectedPort"
            details = [probe(values)]
            action = {"actionType": "PORT_PROBE", "portProbeAction": {"blocked": False, "portProbeDetails": details}}
            return Draft(
                kind=kind,
                severities=LOW + MEDIUM,
                resource={"resourceType": "Instance", "instanceDetails": instance(values, tags)},
                service={"action": action},
                tags=tags,
                pile=details,
                another=lambda: probe(values),
            )
    return Draft(
        kind=kind,
        severities=LOW + HIGH,
        resource={"resourceType": "Instance", "instanceDetails": instance(values, tags)},
        service={"action": action, "evidence": {"threatIntelligenceDetails": pile}},
        tags=tags,
        pile=pile,
        another=lambda: threat(values),
    )


def iam(values: Values) -> Draft:
    kinds = (
        "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS",
        "Discovery:IAMUser/AnomalousBehavior",
        "Stealth:IAMUser/CloudTrailLoggingDisabled",
        "Persistence:IAMUser/AnomalousBehavior",
    )
    pile = [unusual_call(values)]
    return Draft(
        kind=kinds[values.number % len(kinds)],
        severities=LOW + MEDIUM + HIGH,
        resource={"resourceType": "AccessKey", "accessKeyDetails": access_key(values)},
        service={"action": api_call(values), "detection": anomaly(pile)},
        tags=None,
        pile=pile,
        another=lambda: unusual_call(values),
    )


def s3(values: Values) -> Draft:
    kinds = (
        "Exfiltration:S3/AnomalousBehavior",
        "Policy:S3/BucketAnonymousAccessGranted",
        "Impact:S3/MaliciousIPCaller",
    )
    tags = list[Json]()
    pile = [unusual_call(values)]
    return Draft(
        kind=kinds[values.number % len(kinds)],
        severities=MEDIUM + HIGH,
        resource={
            "resourceType": "S3Bucket",
            "accessKeyDetails": access_key(values),
            "s3BucketDetails": [bucket(values, tags)],
        },
        service={"action": api_call(values), "detection": anomaly(pile)},
        tags=tags,
        pile=pile,
        another=lambda: unusual_call(values),
    )


def eks(values: Values) -> Draft:
    kinds = (
        "PrivilegeEscalation:Kubernetes/PrivilegedContainer",
        "CredentialAccess:Kubernetes/SuccessfulAnonymousAccess",
        "Persistence:Kubernetes/ContainerWithSensitiveMount",
    )
    tags = list[Json]()
    containers = [container(values)]
    pods = {**workload(values), "containers": containers, "volumes": [{"name": "host", "hostPath": {"path": "/"}}]}
    user = {
        "username": values.one_of(
            ("system:anonymous", "kubernetes-admin", f"system:serviceaccount:shop:{values.hex(6)}")
        ),
        "uid": values.uuid(),
        "groups": ["system:authenticated", "system:unauthenticated"],
        "sessionName": [f"session-{values.hex(12)}"],
        "impersonatedUser": None,
    }
    call = {
        "requestUri": f"/api/v1/namespaces/shop/pods/{values.hex(10)}",
        "verb": values.one_of(("create", "get", "list", "patch")),
        "resource": "pods",
        "namespace": "shop",
        "sourceIPs": [values.public_ip(), values.private_ip()],
        "userAgent": f"kubectl/v1.31.{values.number_to(9)} (linux/arm64) kubernetes/{values.hex(7)}",
        "remoteIpDetails": values.remote_ip(),
        "statusCode": values.one_of((200, 201, 403)),
        "parameters": None,
    }
    return Draft(
        kind=kinds[values.number % len(kinds)],
        severities=MEDIUM + HIGH,
        resource={
            "resourceType": "EKSCluster",
            "eksClusterDetails": eks_cluster(values, tags),
            "kubernetesDetails": {"kubernetesUserDetails": user, "kubernetesWorkloadDetails": pods},
        },
        service={"action": {"actionType": "KUBERNETES_API_CALL", "kubernetesApiCallAction": call}},
        tags=tags,
        pile=containers,
        another=lambda: container(values),
    )


def runtime_ec2(values: Values) -> Draft:
    tags = list[Json]()
    resource = {"resourceType": "Instance", "instanceDetails": instance(values, tags)}
    return _runtime(values, resource, tags)


def runtime_eks(values: Values) -> Draft:
    tags = list[Json]()
    resource = {
        "resourceType": "EKSCluster",
        "eksClusterDetails": eks_cluster(values, tags),
        "kubernetesDetails": {
            "kubernetesUserDetails": None,
            "kubernetesWorkloadDetails": {**workload(values), "containers": [container(values)]},
        },
        "containerDetails": container(values),
    }
    return _runtime(values, resource, tags)


def runtime_ecs(values: Values) -> Draft:
    tags = list[Json]()
    return _runtime(values, {"resourceType": "ECSCluster", "ecsClusterDetails": ecs_cluster(values, tags)}, tags)


def rds(values: Values) -> Draft:
    kinds = ("CredentialAccess:RDS/AnomalousBehavior.SuccessfulLogin", "Discovery:RDS/MaliciousIPCaller")
    tags = list[Json]()
    identifier = f"orders-{values.hex(8)}"
    database = {
        "dbInstanceIdentifier": identifier,
        "engine": "Aurora PostgreSQL",
        "engineVersion": f"16.{values.number_to(9)}",
        "dbClusterIdentifier": f"orders-cluster-{values.hex(6)}",
        "dbInstanceArn": values.arn("rds", f"db:{identifier}"),
        "dbiResourceId": values.upper("db-", 26),
        "tags": tags,
    }
    user = {"user": f"{values.one_of(WORDS)}_{values.hex(4)}", "application": "psql", "database": "orders", "ssl": "on"}
    attempts = [login(values)]
    attempt = {"remoteIpDetails": values.remote_ip(), "LoginAttributes": attempts}
    return Draft(
        kind=kinds[values.number % len(kinds)],
        severities=MEDIUM + HIGH,
        resource={
            "resourceType": "RDSDBInstance",
            "rdsDbInstanceDetails": database,
            "rdsDbUserDetails": {**user, "authMethod": "IAM"},
        },
        service={"action": {"actionType": "RDS_LOGIN_ATTEMPT", "rdsLoginAttemptAction": attempt}},
        tags=tags,
        pile=attempts,
        another=lambda: login(values),
    )


def lambda_network(values: Values) -> Draft:
    kinds = (
        "Backdoor:Lambda/C&CActivity.B",
        "CryptoCurrency:Lambda/BitcoinTool.B",
        "UnauthorizedAccess:Lambda/TorClient",
    )
    tags, threats = list[Json](), list[Json]()
    name = f"resize-{values.hex(8)}"
    details = {
        "functionArn": values.arn("lambda", f"function:{name}"),
        "functionName": name,
        "description": f"{values.one_of(WORDS)} → {values.one_of(WORDS)}",
        "lastModifiedAt": values.earlier(),
        "revisionId": values.uuid(),
        "functionVersion": "$LATEST",
        "role": values.arn("iam", f"role/{name}", ""),
        "vpcConfig": {
            "subnetIds": [f"subnet-{values.hex(17)}" for _ in range(3)],
            "vpcId": f"vpc-{values.shared('vpc')[:17]}",
            "securityGroups": [{"groupId": f"sg-{values.hex(17)}", "groupName": values.one_of(WORDS)}],
        },
        "tags": tags,
    }
    connection = {
        "connectionDirection": "OUTBOUND",
        "protocol": "TCP",
        "blocked": False,
        **probe(values),
        "remotePortDetails": {"port": 9001, "portName": "Unknown"},
    }
    return Draft(
        kind=kinds[values.number % len(kinds)],
        severities=HIGH,
        resource={"resourceType": "Lambda", "lambdaDetails": details},
        service={
            "action": {"actionType": "NETWORK_CONNECTION", "networkConnectionAction": connection},
            "evidence": {"threatIntelligenceDetails": threats},
        },
        tags=tags,
        pile=threats,
        another=lambda: threat(values),
    )


def ecs(values: Values) -> Draft:
    tags = list[Json]()
    resource = {"resourceType": "ECSCluster", "ecsClusterDetails": ecs_cluster(values, tags)}
    return _volume_scan(values, "Execution:ECS/MaliciousFile", resource, tags)


def malware_ec2(values: Values) -> Draft:
    tags = list[Json]()
    volume = {
        "volumeArn": values.arn("ec2", f"volume/vol-{values.hex(17)}"),
        "volumeType": "gp3",
        "deviceName": "/dev/xvda",
        "volumeSizeInGB": values.number_to(500),
        "encryptionType": "UNENCRYPTED",
        "snapshotArn": values.arn("ec2", f"snapshot/snap-{values.hex(17)}"),
        "kmsKeyArn": None,
    }
    resource = {
        "resourceType": "Instance",
        "instanceDetails": instance(values, tags),
        "ebsVolumeDetails": {"scannedVolumeDetails": [volume], "skippedVolumeDetails": []},
    }
    return _volume_scan(values, "Execution:EC2/MaliciousFile", resource, tags)


def malware_s3(values: Values) -> Draft:
    tags = list[Json]()
    uploads = bucket(values, tags)
    key = f"uploads/{values.one_of(WORDS)}/{values.hex(12)}.zip"
    uploads["s3ObjectDetails"] = [
        {
            "objectArn": f"{uploads['arn']}/{key}",
            "key": key,
            "eTag": values.hex(32),
            "hash": values.hex(64),
            "versionId": values.hex(32),
        }
    ]

    def path() -> Json:
        return {"nestedItemPath": f"{values.one_of(WORDS)}/{values.hex(8)}.exe", "hash": values.hex(64)}

    paths = [path()]
    malware = {
        "name": values.one_of(THREATS),
        "source": "AMAZON",
        "itemPaths": paths,
        "count": 1,
        "hash": values.hex(64),
    }
    return Draft(
        kind="Object:S3/MaliciousFile",
        severities=HIGH,
        resource={"resourceType": "S3Object", "s3BucketDetails": [uploads]},
        service={"malwareScanDetails": {"threats": [malware], "scanId": values.hex(32), "uniqueThreatCount": 1}},
        tags=tags,
        pile=paths,
        another=path,
    )


def attack_sequence(values: Values) -> Draft:
    kinds = ("AttackSequence:IAM/CompromisedCredentials", "AttackSequence:S3/CompromisedData")
    tags = list[Json]()
    key, actor, endpoint = values.upper("AKIA"), values.uuid(), values.uuid()

    def signal() -> Json:
        api, service = values.one_of(API_CALLS)
        return {
            "uid": values.uuid(),
            "type": "CLOUD_TRAIL",
            "name": f"{service}:{api}",
            "createdAt": values.earlier(),
            "updatedAt": values.earlier(),
            "firstSeenAt": values.earlier(),
            "lastSeenAt": values.earlier(),
            "severity": values.one_of(LOW + MEDIUM + HIGH),
            "count": values.number_to(400),
            "resourceUids": [f"access-key/{key}"],
            "actorIds": [actor],
            "endpointIds": [endpoint],
            "signalIndicators": [
                {"key": "ATTACK_TACTIC", "values": ["Discovery"]},
                {"key": "HIGH_RISK_API", "values": [api]},
            ],
        }

    signals = [signal()]
    city, code, _, organization, asn = values.place()
    name = f"{values.one_of(WORDS)}-{values.hex(4)}"
    sequence = {
        "uid": values.uuid(),
        "description": f"Calls of {name}, one after the other, that together are an attack.",
        "actors": [
            {"id": actor, "user": {"name": name, "uid": values.upper("AIDA"), "type": "IAMUser", "credentialUid": key}}
        ],
        "resources": [
            {
                "uid": f"access-key/{key}",
                "name": key,
                "accountId": values.account,
                "resourceType": "ACCESS_KEY",
                "region": values.region,
                "service": "iam",
                "cloudPartition": "aws",
                "tags": tags,
            }
        ],
        "endpoints": [
            {
                "id": endpoint,
                "ip": values.public_ip(),
                "location": {"city": city, "country": code, **values.coordinates()},
                "autonomousSystem": {"name": organization, "number": asn},
                "connection": {"direction": "INBOUND"},
            }
        ],
        "signals": signals,
        "sequenceIndicators": [{"key": "ATTACK_TECHNIQUE", "values": ["T1078.004", "T1562.008"]}],
    }
    return Draft(
        kind=kinds[values.number % len(kinds)],
        severities=CRITICAL,
        resource={"resourceType": "AttackSequence"},
        service={"detection": {"sequence": sequence}},
        tags=tags,
        pile=signals,
        another=signal,
    )


def _runtime(values: Values, resource: Json, tags: list[Json]) -> Draft:
    kinds = (
        "Execution:Runtime/NewBinaryExecuted",
        "PrivilegeEscalation:Runtime/DockerSocketAccessed",
        "Execution:Runtime/ReverseShell",
    )
    lineage = [process(values)]
    running = {
        **process(values),
        "executableSha256": values.hex(64),
        "pwd": "/",
        "user": "root",
        "lineage": lineage,
    }
    context: Json = {
        "modifyingProcess": None,
        "modifiedAt": values.earlier(),
        "socketPath": "/run/docker.sock",
        "flags": [],
    }
    return Draft(
        kind=kinds[values.number % len(kinds)],
        severities=MEDIUM + HIGH,
        resource=resource,
        service={"runtimeDetails": {"process": running, "context": context}, "featureName": "RuntimeMonitoring"},
        tags=tags,
        pile=lineage,
        another=lambda: process(values),
    )


def _volume_scan(values: Values, kind: str, resource: Json, tags: list[Json]) -> Draft:
    """Malware on the volumes of an instance or a container."""
    volume = values.arn("ec2", f"volume/vol-{values.hex(17)}")

    def path() -> Json:
        name = f"{values.hex(10)}.so"
        return {
            "filePath": f"opt/{values.one_of(WORDS)}/{name}",
            "volumeArn": volume,
            "hash": values.hex(64),
            "fileName": name,
        }

    name, paths = values.one_of(THREATS), [path()]
    detections = {
        "scannedItemCount": {"totalGb": values.number_to(500), "files": values.number_to(900_000), "volumes": 1},
        "threatsDetectedItemCount": {"files": values.number_to(9)},
        "highestSeverityThreatDetails": {"severity": "HIGH", "threatName": name, "count": values.number_to(9)},
        "threatDetectedByName": {
            "itemCount": values.number_to(9),
            "uniqueThreatNameCount": 1,
            "shortened": False,
            "threatNames": [{"name": name, "severity": "HIGH", "itemCount": 1, "filePaths": paths}],
        },
    }
    scan = {
        "scanId": values.hex(32),
        "scanStartedAt": values.seconds_ago(900),
        "scanCompletedAt": values.seconds_ago(60),
        "triggerFindingId": values.hex(32),
        "sources": ["AMAZON"],
        "scanDetections": detections,
        "scanType": "GUARDDUTY_INITIATED",
    }
    return Draft(
        kind=kind,
        severities=HIGH,
        resource=resource,
        service={"ebsVolumeScanDetails": scan, "featureName": "EbsVolumeScan"},
        tags=tags,
        pile=paths,
        another=path,
    )


FAMILIES: dict[str, Callable[[Values], Draft]] = {
    "ec2": ec2,
    "iam": iam,
    "s3": s3,
    "eks": eks,
    "runtime_ec2": runtime_ec2,
    "runtime_eks": runtime_eks,
    "runtime_ecs": runtime_ecs,
    "rds": rds,
    "lambda": lambda_network,
    "ecs": ecs,
    "malware_ec2": malware_ec2,
    "malware_s3": malware_s3,
    "attack_sequence": attack_sequence,
}
