"""What findings are made of: resources, actions, and what was seen.

Members as in GuardDuty's API, each with a small first letter:
https://docs.aws.amazon.com/guardduty/latest/APIReference/API_Finding.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.rehearsal.finding_values import WORDS, Values

if TYPE_CHECKING:
    from tests.rehearsal.templates import Json

API_CALLS = (
    ("ListUsers", "iam.amazonaws.com"),
    ("GetCallerIdentity", "sts.amazonaws.com"),
    ("DescribeInstances", "ec2.amazonaws.com"),
    ("GetSecretValue", "secretsmanager.amazonaws.com"),
    ("CreateAccessKey", "iam.amazonaws.com"),
    ("StopLogging", "cloudtrail.amazonaws.com"),
    ("GetObject", "s3.amazonaws.com"),
    ("DeleteObjects", "s3.amazonaws.com"),
    ("PutBucketPolicy", "s3.amazonaws.com"),
)
USER_AGENTS = ("aws-cli/2.17.9 md/Botocore#1.34.1 ua/2.0 os/linux#6.1", "Boto3/1.34.2", "python-requests/2.32", "-")
PROGRAMS = ("/usr/bin/curl", "/opt/.x/kworker", "/usr/local/bin/node", "/bin/bash", "/opt/naïve miner")
IMAGES = ("registry.example/shop/checkout", "registry.example/base/python", "registry.example/edge/proxy")
THREATS = (
    "EICAR-Test-File",
    "Trojan.Linux.Generic.28",
    "Backdoor.PHP.Shell/é",
    "CoinMiner.Linux.ZEPHYR",
    "Worm.Win32.Nimnul",
)


def instance(values: Values, tags: list[Json]) -> Json:
    address = values.private_ip()
    name = f"ip-{address.replace('.', '-')}.{values.region}.compute.internal"
    interface = {
        "ipv6Addresses": [],
        "networkInterfaceId": f"eni-{values.hex(17)}",
        "privateDnsName": name,
        "privateIpAddress": address,
        "privateIpAddresses": [{"privateDnsName": name, "privateIpAddress": address}],
        "publicDnsName": "",
        "publicIp": values.public_ip(),
        "securityGroups": [{"groupId": f"sg-{values.hex(17)}", "groupName": values.one_of(WORDS)}],
        "subnetId": f"subnet-{values.hex(17)}",
        "vpcId": f"vpc-{values.shared('vpc')[:17]}",
    }
    profile = {"arn": values.arn("iam", f"instance-profile/{values.hex(8)}", ""), "id": values.upper("AIPA")}
    return {
        "instanceId": f"i-{values.hex(17)}",
        "instanceType": values.one_of(("m6g.large", "t3.micro", "c7i.4xlarge")),
        "outpostArn": None,
        "launchTime": values.earlier(),
        "platform": values.one_of((None, "windows")),
        "productCodes": [],
        "iamInstanceProfile": profile,
        "networkInterfaces": [interface],
        "tags": tags,
        "instanceState": "running",
        "availabilityZone": f"{values.region}a",
        "imageDescription": f"{values.one_of(WORDS)} {values.hex(6)}",
        "imageId": f"ami-{values.hex(17)}",
    }


def access_key(values: Values) -> Json:
    name, kind = f"{values.one_of(WORDS)}-{values.hex(5)}", values.one_of(("IAMUser", "AssumedRole", "Root"))
    return {
        "accessKeyId": values.upper("ASIA" if kind == "AssumedRole" else "AKIA"),
        "principalId": f"{values.upper('AROA')}:{name}",
        "userName": name,
        "userType": kind,
    }


def bucket(values: Values, tags: list[Json]) -> Json:
    name = f"reports-{values.hex(10)}"
    blocked = dict.fromkeys(
        ("ignorePublicAcls", "restrictPublicBuckets", "blockPublicAcls", "blockPublicPolicy"), False
    )
    public = {"allowsPublicReadAccess": values.one_of((True, False)), "allowsPublicWriteAccess": False}
    levels = {"accessControlList": public, "bucketPolicy": public, "blockPublicAccess": blocked}
    return {
        "arn": f"arn:aws:s3:::{name}",
        "name": name,
        "type": "Destination",
        "createdAt": values.at - values.number_to(10**7) - 0.5,
        "owner": {"id": values.hex(64)},
        "tags": tags,
        "defaultServerSideEncryption": {"encryptionType": "SSEAlgorithm", "kmsMasterKeyArn": "Unset"},
        "publicAccess": {
            "permissionConfiguration": {
                "bucketLevelPermissions": levels,
                "accountLevelPermissions": {"blockPublicAccess": blocked},
            },
            "effectivePermission": "NOT_PUBLIC",
        },
    }


def eks_cluster(values: Values, tags: list[Json]) -> Json:
    name = f"shop-{values.hex(6)}"
    return {
        "name": name,
        "arn": values.arn("eks", f"cluster/{name}"),
        "vpcId": f"vpc-{values.shared('vpc')[:17]}",
        "status": "ACTIVE",
        "tags": tags,
        "createdAt": values.at - values.number_to(10**7),
    }


def ecs_cluster(values: Values, tags: list[Json]) -> Json:
    name, task = f"edge-{values.hex(6)}", values.hex(32)
    return {
        "name": name,
        "arn": values.arn("ecs", f"cluster/{name}"),
        "status": "ACTIVE",
        "activeServicesCount": values.number_to(40),
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": values.number_to(400),
        "tags": tags,
        "taskDetails": {
            "arn": values.arn("ecs", f"task/{name}/{task}"),
            "definitionArn": values.arn("ecs", f"task-definition/{name}:{values.number_to(99)}"),
            "version": str(values.number_to(9)),
            "createdAt": values.earlier(),
            "startedAt": values.earlier(),
            "startedBy": f"ecs-svc/{values.number_to(10**18)}",
            "tags": [],
            "volumes": [],
            "containers": [container(values)],
            "group": f"service:{name}",
            "launchType": "FARGATE",
        },
    }


def workload(values: Values) -> Json:
    return {
        "name": f"checkout-{values.hex(10)}",
        "type": values.one_of(("pods", "deployments", "daemonsets")),
        "uid": values.uuid(),
        "namespace": "shop",
        "hostNetwork": False,
        "serviceAccountName": "default",
    }


def container(values: Values) -> Json:
    image = values.one_of(IMAGES)
    return {
        "containerRuntime": "containerd",
        "id": values.hex(64),
        "name": f"{image.rsplit('/', 1)[1]}-{values.hex(4)}",
        "image": f"{image}:{values.number_to(30)}.{values.number_to(30)}",
        "imagePrefix": image.rsplit("/", 1)[0],
        "volumeMounts": [{"name": "host", "mountPath": "/host"}],
        "securityContext": {"privileged": values.one_of((True, False)), "allowPrivilegeEscalation": True},
    }


def process(values: Values) -> Json:
    program = values.one_of(PROGRAMS)
    return {
        "startTime": values.earlier(),
        "namespacePid": values.number_to(32768),
        "userId": values.one_of((0, 1000)),
        "name": program.rsplit("/", 1)[1],
        "pid": values.number_to(32768),
        "uuid": values.hex(64),
        "executablePath": program,
        "euid": 0,
        "parentUuid": values.hex(64),
    }


def login(values: Values) -> Json:
    return {
        "user": f"{values.one_of(WORDS)}_{values.hex(4)}",
        "application": values.one_of(("psql", "pgAdmin 4 - DB:orders", "JDBC")),
        "failedLoginAttempts": values.number_to(500),
        "successfulLoginAttempts": values.one_of((0, 1)),
    }


def probe(values: Values) -> Json:
    port, name = values.one_of(((22, "SSH"), (3389, "RDP"), (443, "HTTPS"), (6379, "Unknown"), (5432, "Unknown")))
    return {
        "localPortDetails": {"port": port, "portName": name},
        "localIpDetails": {"ipAddressV4": values.private_ip()},
        "remoteIpDetails": values.remote_ip(),
    }


def threat(values: Values) -> Json:
    return {
        "threatListName": values.one_of(("ProofPoint", "CrowdStrike", f"own-list-{values.hex(4)}")),
        "threatNames": [f"{values.one_of(THREATS)}.{values.hex(6)}"],
        "threatFileSha256": values.hex(64),
    }


def api_call(values: Values) -> Json:
    api, service = values.one_of(API_CALLS)
    call = {
        "api": api,
        "serviceName": service,
        "callerType": "Remote IP",
        "userAgent": values.one_of(USER_AGENTS),
        "errorCode": values.one_of(("", "AccessDenied", "Client.UnauthorizedOperation")),
        "remoteIpDetails": values.remote_ip(),
        "affectedResources": {"AWS::CloudTrail::Trail": values.arn("cloudtrail", f"trail/{values.hex(8)}")},
    }
    return {"actionType": "AWS_API_CALL", "awsApiCallAction": call}


def unusual_call(values: Values) -> Json:
    api, service = values.one_of(API_CALLS)
    return {
        "profileType": "FREQUENCY",
        "profileSubtype": values.one_of(("FREQUENT", "INFREQUENT", "UNSEEN", "RARE")),
        "observations": {"text": [f"{service}/{api}", values.public_ip(), values.hex(12)]},
    }


def anomaly(pile: list[Json]) -> Json:
    return {"anomaly": {"profiles": {"account": {"api": pile}}, "unusual": {"behavior": {"account": {}}}}}
