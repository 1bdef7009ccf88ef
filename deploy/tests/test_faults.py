"""Faults that a person could make in templates and files, one at a time: invariants catch them.

A fault is a file, what stands in it, and what is put in its place, wherever it stands.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from cloud import template
from cloud.invariants import INVARIANTS, applies, problems

NETWORK, DATA, LETTERS, APP, WEB, WATCH = (
    f"cfn/{name}.yml" for name in ("10-network", "20-data", "30-notify", "40-app", "50-web", "60-observe")
)
UNIT, AGENT, BOOT, DRAIN = "host/roomm8.service", "host/cloudwatch-agent.json", "host/user-data.sh", "host/drain.sh"

FAULTS: list[tuple[str, str, str, str]] = [
    ("subnets give public addresses", NETWORK, "MapPublicIpOnLaunch: false", "MapPublicIpOnLaunch: true"),
    (
        "both app subnets are in one zone",
        NETWORK,
        'CidrBlock: !Sub "${Network}.5.0/24"\n      AvailabilityZone: !Select [1',
        'CidrBlock: !Sub "${Network}.5.0/24"\n      AvailabilityZone: !Select [0',
    ),
    ("two subnets have the same addresses", NETWORK, "${Network}.6.0/24", "${Network}.3.0/24"),
    (
        "the route does not wait for the gateway",
        NETWORK,
        "    DependsOn: InternetGatewayAttachment\n    Properties: {RouteTableId",
        "    Properties: {RouteTableId",
    ),
    ("zone b leaves by zone a", NETWORK, "!If [HasSecondNat, !Ref NatB, !Ref NatA]", "!Ref NatA"),
    (
        "the second NAT is in the first zone",
        NETWORK,
        "{SubnetId: !Ref PublicSubnetB, AllocationId",
        "{SubnetId: !Ref PublicSubnetA, AllocationId",
    ),
    (
        "data has a way out",
        NETWORK,
        "{SubnetId: !Ref DataSubnetA, RouteTableId: !Ref DataRoutes}",
        "{SubnetId: !Ref DataSubnetA, RouteTableId: !Ref AppRoutesA}",
    ),
    (
        "instances are on the internet",
        NETWORK,
        "{SubnetId: !Ref AppSubnetA, RouteTableId: !Ref AppRoutesA}",
        "{SubnetId: !Ref AppSubnetA, RouteTableId: !Ref PublicRoutes}",
    ),
    (
        "databases are put among instances",
        NETWORK,
        'DataSubnetIds: {Value: !Join [",", [!Ref DataSubnetA, !Ref DataSubnetB]]}',
        'DataSubnetIds: {Value: !Join [",", [!Ref AppSubnetA, !Ref AppSubnetB]]}',
    ),
    (
        "SSH is open",
        NETWORK,
        "          FromPort: 9090\n          ToPort: 9090\n          SourceSecurityGroupId",
        "          FromPort: 22\n          ToPort: 22\n          SourceSecurityGroupId",
    ),
    ("instances are open to the network", NETWORK, "SourceSecurityGroupId: !Ref AlbGroup", "CidrIp: 10.0.0.0/16"),
    ("the load balancer is open to everybody", NETWORK, "SourcePrefixListId: !Ref CloudFrontPrefixList", "CidrIp: 0.0.0.0/0"),
    (
        "the load balancer takes plain HTTP",
        NETWORK,
        "          FromPort: 443\n          ToPort: 443\n          SourcePrefixListId",
        "          FromPort: 80\n          ToPort: 443\n          SourcePrefixListId",
    ),
    (
        "the database is open to the load balancer",
        NETWORK,
        "      SourceSecurityGroupId: !Ref AppGroup\n      Description: The instances\n  RotationToDb",
        "      SourceSecurityGroupId: !Ref AlbGroup\n      Description: The instances\n  RotationToDb",
    ),
    (
        "rotation cannot reach the database",
        NETWORK,
        "        - {IpProtocol: tcp, FromPort: 3306, ToPort: 3306, DestinationSecurityGroupId: !Ref DbGroup, Description: MySQL}\n  AppToDb",
        "  AppToDb",
    ),
    (
        "the cache is on another port",
        NETWORK,
        "      FromPort: 6379\n      ToPort: 6379\n      SourceSecurityGroupId",
        "      FromPort: 6380\n      ToPort: 6380\n      SourceSecurityGroupId",
    ),
    (
        "instances call anybody on any port",
        NETWORK,
        '{IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 0.0.0.0/0, Description: "AWS, push services and webhooks, over TLS"}',
        '{IpProtocol: "-1", CidrIp: 0.0.0.0/0, Description: Anything}',
    ),
    (
        "push services and webhooks are not reached",
        NETWORK,
        'CidrIp: 0.0.0.0/0, Description: "AWS, push services and webhooks, over TLS"}',
        "DestinationSecurityGroupId: !Ref EndpointGroup, Description: Secrets Manager over TLS}",
    ),
    (
        "the database calls anybody",
        NETWORK,
        '{IpProtocol: "-1", CidrIp: 127.0.0.1/32, Description: A database calls nobody}',
        "{IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 0.0.0.0/0, Description: Out}",
    ),
    ("S3 goes through the NAT", NETWORK, "RouteTableIds: [!Ref AppRoutesA, !Ref AppRoutesB]", "RouteTableIds: [!Ref AppRoutesA]"),
    ("a region is named", NETWORK, '!Sub "com.amazonaws.${AWS::Region}.s3"', "com.amazonaws.us-east-1.s3"),
    ("the database is not encrypted", DATA, '      StorageEncrypted: !If [HasSnapshot, !Ref "AWS::NoValue", true]\n', ""),
    (
        "the database has Amazon's key",
        DATA,
        '      KmsKeyId: !If [HasSnapshot, !Ref "AWS::NoValue", !GetAtt Key.Arn]\n',
        "",
    ),
    ("the database is in one zone", DATA, "MultiAZ: true", "MultiAZ: false"),
    ("the database is public", DATA, "PubliclyAccessible: false", "PubliclyAccessible: true"),
    ("connections in the clear are taken", DATA, 'require_secure_transport: "1"', 'require_secure_transport: "0"'),
    ("commits wait for no disk", DATA, 'innodb_flush_log_at_trx_commit: "1"', 'innodb_flush_log_at_trx_commit: "2"'),
    ("MySQL is 8.0", DATA, "EngineVersion: 8.4.11", "EngineVersion: 8.0.43"),
    ("storage does not grow", DATA, "      MaxAllocatedStorage: 200\n", ""),
    ("backups are kept for a day", DATA, "BackupRetentionPeriod: 14", "BackupRetentionPeriod: 1"),
    (
        "the database may be deleted",
        DATA,
        '      DeletionProtection: true\n      AutoMinorVersionUpgrade: true\n      EnableIAMDatabaseAuthentication: true\n      EnablePerformanceInsights: !If [HasInsights, true, false]\n      PerformanceInsightsKMSKeyId: !If [HasInsights, !GetAtt Key.Arn, !Ref "AWS::NoValue"]\n      MonitoringInterval: 60\n      MonitoringRoleArn: !GetAtt DbMonitoringRole.Arn\n      EnableCloudwatchLogsExports',
        "      EnableCloudwatchLogsExports",
    ),
    ("the database goes without a snapshot", DATA, "DeletionPolicy: Snapshot", "DeletionPolicy: Delete"),
    ("RDS manages the password", DATA, "      MasterUserPassword: ", "      ManageMasterUserPassword: true\n      MasterUserPassword: "),
    (
        "the password is written here",
        DATA,
        '!Sub "{{resolve:secretsmanager:${MasterSecret}:SecretString:password}}"]\n      Port',
        "changeit-changeit]\n      Port",
    ),
    (
        "the user is of another secret",
        DATA,
        "{{resolve:secretsmanager:${MasterSecret}:SecretString:username}}",
        "{{resolve:secretsmanager:${AppSecret}:SecretString:username}}",
    ),
    (
        "a secret has a value",
        DATA,
        '        SecretStringTemplate: \'{"username": "roomm8_master"}\'\n        GenerateStringKey: password\n        PasswordLength: 40',
        '        SecretStringTemplate: \'{"username": "roomm8_master"}\'\n        GenerateStringKey: password\n        PasswordLength: 8',
    ),
    ("the API's password does not alternate", DATA, "RotationType: MySQLMultiUser", "RotationType: MySQLSingleUser"),
    (
        "the API's password never rotates",
        DATA,
        "      SecretId: !Ref AppSecret\n      RotateImmediately",
        "      SecretId: !Ref CacheSecret\n      RotateImmediately",
    ),
    ("passwords rotate once a year", DATA, "cron(0 4 15 * ? *)", "cron(0 4 15 1 ? *)"),
    (
        "rotation begins before the secret knows the database",
        DATA,
        "DependsOn: [AppSecretAttachment, MasterSecretAttachment, AppRotationLog]",
        "DependsOn: [AppRotationLog]",
    ),
    ("the cache is spoken to in the clear", DATA, "TransitEncryptionEnabled: true", "TransitEncryptionEnabled: false"),
    (
        "the cache does not fail over",
        DATA,
        "AutomaticFailoverEnabled: !If [HasCacheReplica, true, false]",
        "AutomaticFailoverEnabled: false",
    ),
    ("there may be a node that no alarm knows", DATA, "    MinValue: 1\n    MaxValue: 2\n", "    MinValue: 1\n    MaxValue: 3\n"),
    ("backups may be restored by who makes them", DATA, "AWSBackupServiceRolePolicyForBackup", "AWSBackupServiceRolePolicyForRestores"),
    ("a bucket may be public", DATA, "BlockPublicPolicy: true", "BlockPublicPolicy: false"),
    ("a bucket takes plain HTTP", DATA, '{Bool: {"aws:SecureTransport": "false"}}', '{Bool: {"aws:SecureTransport": "true"}}'),
    ("the key is not renewed", DATA, "EnableKeyRotation: true", "EnableKeyRotation: false"),
    (
        "services of any account use the key",
        DATA,
        '            Action: ["kms:Decrypt", "kms:GenerateDataKey*"]\n            Resource: "*"\n            Condition: {StringEquals: {"aws:SourceAccount": !Ref AWS::AccountId}}',
        '            Action: ["kms:Decrypt", "kms:GenerateDataKey*"]\n            Resource: "*"',
    ),
    (
        "EventBridge is asked for which account it publishes",
        DATA,
        '"kms:EncryptionContext:aws:sns:topicArn": !Sub "arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:roomm8-${Environment}-operators"',
        '"aws:SourceAccount": !Ref AWS::AccountId',
    ),
    ("EventBridge uses the key for another topic", DATA, "${AWS::AccountId}:roomm8-${Environment}-operators", "${AWS::AccountId}:*"),
    (
        "the topic asks EventBridge for a condition",
        DATA,
        "            Principal: {Service: events.amazonaws.com}\n            Action: sns:Publish\n",
        '            Principal: {Service: events.amazonaws.com}\n            Condition: {StringEquals: {"aws:SourceAccount": !Ref AWS::AccountId}}\n            Action: sns:Publish\n',
    ),
    (
        "events may not be published",
        DATA,
        "          - Sid: Events\n            Effect: Allow\n            Principal: {Service: events.amazonaws.com}\n            Action: sns:Publish\n            Resource: !Ref OperatorTopic\n",
        "",
    ),
    ("backups leave out the database", DATA, "Resources: [!GetAtt Database.DBInstanceArn]", "Resources: []"),
    (
        "insights are asked of a small class",
        DATA,
        "EnablePerformanceInsights: !If [HasInsights, true, false]",
        "EnablePerformanceInsights: true",
    ),
    ("RDS makes its own log group", DATA, "/aws/rds/instance/roomm8-${Environment}/error", "/aws/rds/instance/roomm8/error"),
    ("a stop is seen after requests are refused", APP, "HealthCheckIntervalSeconds: 5", "HealthCheckIntervalSeconds: 10"),
    ("requests are refused before a stop is seen", APP, "DRAIN_SECONDS=30", "DRAIN_SECONDS=20"),
    ("the health check is of the root", APP, "HealthCheckPath: /readyz", "HealthCheckPath: /"),
    ("liveness is taken for readiness", APP, "HealthCheckPath: /readyz", "HealthCheckPath: /livez"),
    ("a target group has port 8080", APP, "Port: 9090", "Port: 8080"),
    ("the API listens on 8080", APP, "LISTEN_ADDR=0.0.0.0:9090", "LISTEN_ADDR=0.0.0.0:8080"),
    ("idle sockets are cut", APP, 'idle_timeout.timeout_seconds, Value: "300"', 'idle_timeout.timeout_seconds, Value: "15"'),
    ("old TLS is taken", APP, "ELBSecurityPolicy-TLS13-1-2-2021-06", "ELBSecurityPolicy-2016-08"),
    ("the listener is plain HTTP", APP, "      Port: 443\n      Protocol: HTTPS", "      Port: 80\n      Protocol: HTTP"),
    ("figures are public", APP, 'Values: [/graphql, /schema.graphql, "/unsubscribe/*"]', 'Values: ["/*"]'),
    ("links in letters lead nowhere", APP, 'Values: [/graphql, /schema.graphql, "/unsubscribe/*"]', "Values: [/graphql, /schema.graphql]"),
    ("anybody's CloudFront is let in", APP, "{{resolve:secretsmanager:${OriginSecretArn}:SecretString:header}}", "open"),
    (
        "people are led to the waiting colour",
        APP,
        "!If [IsBlue, !Ref BlueTargets, !Ref GreenTargets]",
        "!If [IsBlue, !Ref GreenTargets, !Ref BlueTargets]",
    ),
    ("requests stick to an instance", APP, 'stickiness.enabled, Value: "false"', 'stickiness.enabled, Value: "true"'),
    (
        "the load balancer cuts before the drain ends",
        APP,
        'deregistration_delay.timeout_seconds, Value: "60"',
        'deregistration_delay.timeout_seconds, Value: "10"',
    ),
    ("the drain takes longer than systemd waits", APP, "DRAIN_SECONDS=30", "DRAIN_SECONDS=50"),
    ("the hook has another name", APP, "LifecycleHookName: drain", "LifecycleHookName: goodbye"),
    ("a failover of the database replaces all instances", APP, "HealthCheckType: EC2", "HealthCheckType: ELB"),
    ("a colour that waits may have no instance", APP, "!Ref MaxInstances, 1]", "!Ref MaxInstances, 0]"),
    ("a colour that waits has an instance", APP, 'DesiredCapacity: !If [RunsGreen, !Ref "AWS::NoValue", 0]', "DesiredCapacity: 1"),
    (
        "an update forgets how many run",
        APP,
        "MinInstancesInService: !If [RunsBlue, !Ref InstancesInService, 0]",
        "MinInstancesInService: !If [RunsBlue, !Ref MinInstances, 0]",
    ),
    ("there is no room to replace an instance", "params/lean.json", '"MaxInstances": "5"', '"MaxInstances": "2"'),
    (
        "a waiting colour hides that nobody serves",
        APP,
        "!If [IsBlue, !GetAtt BlueTargets.TargetGroupFullName, !GetAtt GreenTargets.TargetGroupFullName]",
        "!GetAtt GreenTargets.TargetGroupFullName",
    ),
    ("the composite forgets that nobody serves", WATCH, "ALARM(${NobodyHealthyAlarm}) OR ", ""),
    (
        "each release looks for another image",
        APP,
        'Type: "AWS::EC2::Image::Id"',
        'Type: "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>"\n    Default: /aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64',
    ),
    ("one instance is enough", "params/prod.json", '"MinInstances": "2"', '"MinInstances": "1"'),
    (
        "green scales by blue's requests",
        APP,
        "${Alb.LoadBalancerFullName}/${GreenTargets.TargetGroupFullName}",
        "${Alb.LoadBalancerFullName}/${BlueTargets.TargetGroupFullName}",
    ),
    ("a policy waits for a figure that nobody sends", APP, "MetricName: roomm8_sockets_open", "MetricName: roomm8_sockets"),
    (
        "replacement goes below the least number",
        APP,
        "MinInstancesInService: !If [RunsBlue, !Ref InstancesInService, 0]",
        "MinInstancesInService: 0",
    ),
    ("nobody waits for the new instance", APP, "WaitOnResourceSignals: true", "WaitOnResourceSignals: false"),
    ("green is signalled for blue", APP, "--resource GreenInstances", "--resource BlueInstances"),
    ("metadata is given to anybody", APP, "HttpTokens: required", "HttpTokens: optional"),
    ("containers reach the metadata", APP, "HttpPutResponseHopLimit: 1", "HttpPutResponseHopLimit: 2"),
    ("disks are not encrypted", APP, "Encrypted: true, KmsKeyId: !Ref KeyArn", "Encrypted: false"),
    ("hosts have a key pair", APP, "        EbsOptimized: true\n", "        EbsOptimized: true\n        KeyName: somebody\n"),
    ("hosts have no role", APP, "        IamInstanceProfile: {Arn: !GetAtt InstanceProfile.Arn}\n", ""),
    ("the digest is not checked", APP, "sha256sum --check --quiet", "cat"),
    (
        "hosts update themselves at boot",
        APP,
        "            mkdir -p /etc/roomm8 /opt/roomm8\n",
        "            dnf update -y\n            mkdir -p /etc/roomm8 /opt/roomm8\n",
    ),
    ("the image is of one region", APP, "ImageId: !Ref ImageId", "ImageId: ami-00000000000000001"),
    ("the image is another system", "cloud/stacks.py", "al2023-ami-kernel-default-x86_64", "amzn2-ami-hvm-x86_64-gp2"),
    ("instances read any secret", APP, "                  - !Ref CacheSecretArn\n", '                  - "*"\n'),
    ("instances may not read a secret that they need", APP, "                  - !Ref CacheSecretArn\n", ""),
    (
        "with a key for push services instances read any secret",
        APP,
        "!If [HasVapidKey, !Ref VapidKeySecretArn, ",
        '!If [HasVapidKey, "*", ',
    ),
    (
        "with a key for push services instances read any secret that was made by hand",
        APP,
        "!If [HasVapidKey, !Ref VapidKeySecretArn, ",
        '!If [HasVapidKey, !Sub "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:roomm8/*", ',
    ),
    (
        "without a key for push services instances read any secret",
        APP,
        '!If [HasVapidKey, !Ref VapidKeySecretArn, !Ref "AWS::NoValue"]',
        '!If [HasVapidKey, !Ref VapidKeySecretArn, "*"]',
    ),
    ("any secret may be given as the key for push services", APP, "roomm8/[a-z]{2,12}/vapid[0-9a-z-]*-[0-9A-Za-z]{6}", ".*"),
    ("every secret is the key for push services", "params/prod.json", "secret:roomm8/prod/vapid-AbCdEf", "secret:*"),
    ("the key for push services is in another region", "params/prod.json", "secretsmanager:us-east-1:", "secretsmanager:us-west-2:"),
    (
        "instances may not read the key for push services",
        APP,
        '                  - !If [HasVapidKey, !Ref VapidKeySecretArn, !Ref "AWS::NoValue"]\n',
        "",
    ),
    ("nobody tells instances of the key for push services", APP, "${VapidKey}SNS_TOPIC_ARN", "SNS_TOPIC_ARN"),
    ("the key for push services is a setting", APP, "VAPID_KEY={secretsmanager:${VapidKeySecretArn}}", "VAPID_KEY=${VapidKeySecretArn}"),
    ("people have the network called", APP, "          DRAIN_SECONDS=30\n", "          DRAIN_SECONDS=30\n          PRIVATE_ENDPOINTS=on\n"),
    (
        "people have the network called, unless somebody forbids it",
        "config.rs",
        '"PRIVATE_ENDPOINTS", default_value = "off"',
        '"PRIVATE_ENDPOINTS", default_value = "on"',
    ),
    ("the unit lets people have the network called", UNIT, "Type=exec\n", "Type=exec\nEnvironment=PRIVATE_ENDPOINTS=on\n"),
    (
        "instances write any metric",
        APP,
        '                Condition: {StringEquals: {"cloudwatch:namespace": !Sub "RoomM8/${Environment}"}}\n',
        "",
    ),
    ("instances read all of the bucket", APP, "${ArtifactBucket}/releases/*", "${ArtifactBucket}/*"),
    (
        "disks are on nobody's bill",
        APP,
        "{ResourceType: volume, Tags: [{Key: Environment, Value: !Ref Environment}, ",
        "{ResourceType: volume, Tags: [",
    ),
    ("instances may do all of S3", APP, "Action: s3:GetObject", "Action: s3:*"),
    ("instances may not publish to an encrypted topic", APP, "Action: [kms:Decrypt, kms:GenerateDataKey]", "Action: [kms:Decrypt]"),
    ("a setting is misspelt", APP, "TRUSTED_PROXIES=2", "TRUSTED_PROXY=2"),
    ("one proxy is believed too few", APP, "TRUSTED_PROXIES=2", "TRUSTED_PROXIES=1"),
    ("a field of a secret is misspelt", DATA, "GenerateStringKey: keys", "GenerateStringKey: key"),
    ("the authority of the database is not given", APP, "${Replica}DATABASE_CA=/opt/roomm8/rds-ca.pem", "${Replica}"),
    ("Valkey is spoken to in the clear", APP, "rediss://", "redis://"),
    ("the replica is not read from", APP, "${Replica}DATABASE_CA", "DATABASE_CA"),
    ("a password is a setting", APP, "{secretsmanager:${AppSecretArn}#password}", "hunter22"),
    ("the firewall counts CloudFront", APP, "AggregateKeyType: FORWARDED_IP", "AggregateKeyType: IP"),
    ("the firewall only counts", APP, "Action: {Block: {}}", "Action: {Count: {}}"),
    (
        "long operations are refused",
        APP,
        "              RuleActionOverrides: [{Name: SizeRestrictions_BODY, ActionToUse: {Count: {}}}]\n",
        "",
    ),
    ("tokens are logged", APP, "{SingleHeader: {Name: authorization}}", "{SingleHeader: {Name: cookie}}"),
    ("logs are kept for ever", APP, "      RetentionInDays: 30\n", ""),
    ("a log is not encrypted", APP, "      RetentionInDays: 7\n      KmsKeyId: !Ref KeyArn\n", "      RetentionInDays: 7\n"),
    (
        "GraphQL is cached",
        WEB,
        "CachePolicyId: 4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
        "CachePolicyId: 658327ea-f89d-4fab-a63d-7e88639e58f6",
    ),
    (
        "sockets lose their headers",
        WEB,
        "OriginRequestPolicyId: 216adef6-5c7f-47e4-b989-5492eafa07d3",
        "OriginRequestPolicyId: 88a5eaf4-2fd4-4709-b370-b4c650ea3fcf",
    ),
    ("the site is served in the clear", WEB, "ViewerProtocolPolicy: redirect-to-https", "ViewerProtocolPolicy: allow-all"),
    ("the load balancer is called in the clear", WEB, "OriginProtocolPolicy: https-only", "OriginProtocolPolicy: http-only"),
    ("inline scripts are allowed", WEB, "default-src 'self';", "default-src 'self' 'unsafe-inline';"),
    ("any distribution reads the site", WEB, "distribution/${Distribution}", "distribution/*"),
    (
        "errors become pages",
        WEB,
        "        DefaultRootObject: index.html\n",
        "        DefaultRootObject: index.html\n        CustomErrorResponses: [{ErrorCode: 404, ResponseCode: 200, ResponsePagePath: /index.html}]\n",
    ),
    ("the name leads nowhere over IPv6", WEB, "Type: AAAA", "Type: A"),
    ("callers choose who they are", WEB, "value: event.viewer.ip", "value: 'nobody'"),
    ("nobody is told when nobody serves", APP, "MetricName: HealthyHostCount", "MetricName: RequestCount"),
    ("silence of health is health", APP, "TreatMissingData: breaching", "TreatMissingData: notBreaching"),
    ("alarms tell nobody", WATCH, "      AlarmActions: [!Ref OperatorTopicArn]\n", ""),
    ("an alarm waits for a figure that nobody sends", WATCH, "MetricName: roomm8_outbox_dead", "MetricName: roomm8_outbox_lost"),
    ("the composite forgets errors", WATCH, " OR ALARM(${ApiErrors})", ""),
    ("nobody is told of a failed rotation", WATCH, "roomm8-${Environment}-rotate-app", "roomm8-${Environment}-rotates-app"),
    ("the budget tells nobody beforehand", WATCH, "NotificationType: FORECASTED", "NotificationType: ACTUAL"),
    ("nobody is told of a failed backup", WATCH, "source: [aws.backup]", "source: [aws.ec2]"),
    ("the dashboard is no JSON", WATCH, '{"widgets": [', '{"widgets": [,'),
    ("allowed traffic is logged only", WATCH, "TrafficType: REJECT", "TrafficType: ACCEPT"),
    ("the intake is for everybody", LETTERS, '"AuthorizationType": "AWS_IAM"', '"AuthorizationType": "NONE"'),
    ("a queue gives up to nobody", LETTERS, '"deadLetterTargetArn"', '"deadLetter"'),
    ("the notifier sends as anybody", LETTERS, '"StringEquals": {"ses:FromAddress"', '"StringLike": {"ses:From"'),
    ("the notifier uses the key for anything", LETTERS, '"kms:ViaService"', '"kms:CallerAccount"'),
    (
        "nobody hears that complaints wait",
        LETTERS,
        '{"Name": "QueueName", "Value": {"Fn::GetAtt": ["EventQueue", "QueueName"]}}',
        '{"Name": "QueueName", "Value": {"Fn::GetAtt": ["LetterQueue", "QueueName"]}}',
    ),
    ("nobody is told where mail comes back to", LETTERS, " MX 10 feedback-smtp.", " MX 10 "),
    (
        "the notifier writes all queues of the account",
        LETTERS,
        '"Resource": [{"Fn::GetAtt": ["LetterQueue", "Arn"]}, {"Fn::GetAtt": ["EventQueue", "Arn"]}]',
        '"Resource": {"Fn::Sub": "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:*"}',
    ),
    ("one bad letter fails its batch", LETTERS, '"FunctionResponseTypes": ["ReportBatchItemFailures"]', '"FunctionResponseTypes": []'),
    ("the function may run for hours", LETTERS, '"Timeout": ', '"Timeout": "7200", "Time": '),
    ("the intake answers every page", LETTERS, '{"Fn::Sub": "\'${WebOrigin}\'"}', "\"'*'\""),
    ("the unit waits for a word that never comes", UNIT, "Type=exec", "Type=notify"),
    ("the API runs as root", UNIT, "DynamicUser=yes\n", ""),
    ("the API may become more", UNIT, "NoNewPrivileges=yes", "NoNewPrivileges=no"),
    ("the system can be written to", UNIT, "ProtectSystem=strict", "ProtectSystem=no"),
    ("the unit gives up", UNIT, "Restart=always", "Restart=no"),
    ("systemd kills before the drain ends", UNIT, "TimeoutStopSec=40", "TimeoutStopSec=10"),
    ("the log is where nobody reads it", UNIT, "append:/var/log/roomm8/roomm8.log", "append:/var/log/roomm8/api.log"),
    ("the unit reads other settings", UNIT, "EnvironmentFile=/etc/roomm8/environment", "EnvironmentFile=/etc/roomm8/env"),
    ("the agent reads /var/log/messages", AGENT, '"/var/log/roomm8/roomm8.log"', '"/var/log/messages"'),
    ("the agent writes to another group", AGENT, '"/roomm8/{{environment}}/api"', '"/roomm8/api"'),
    ("hosts send figures of their own", AGENT, '"drop_original_metrics": ["mem_used_percent"]', '"drop_original_metrics": []'),
    ("production is measured every five minutes", "params/prod.json", '"DetailedMonitoring": "true"', '"DetailedMonitoring": "false"'),
    ("memory is not measured", AGENT, '"mem": {', '"swap": {'),
    ("a figure of the binary is misspelt", AGENT, "^roomm8_sockets_open$", "^roomm8_socket_open$"),
    ("boot goes on after a failure", BOOT, "set -euo pipefail", "set -u"),
    ("boot does not wait for readiness", BOOT, "/readyz", "/"),
    ("boot installs what no release holds", BOOT, '"$release/roomm8.logrotate"', '"$release/roomm8.rotate"'),
    ("nobody installs the drain", BOOT, "roomm8-drain.service", "roomm8-drains.service"),
    ("the drain ends another hook", DRAIN, "--lifecycle-hook-name drain", "--lifecycle-hook-name stop"),
    ("the image has a shell below it", "container/Dockerfile", "FROM scratch", "FROM debian:12"),
    ("the image runs as root", "container/Dockerfile", "USER 65532:65532\n", ""),
    ("the image listens on 8080", "container/Dockerfile", "EXPOSE 9090", "EXPOSE 8080"),
    ("a tag moves", "container/compose.yml", "mysql:8.4.7", "mysql:latest"),
    ("the compose file opens a port to the network", "container/compose.yml", '"127.0.0.1:8080:8080"', '"8080:8080"'),
    ("one instance gets no requests", "container/haproxy.cfg", "    server two two:9090\n", ""),
    ("a tool is not pinned", "requirements.txt", "yamllint==", "yamllint>="),
    ("the site has another name than letters say", "params/prod.json", '"WebDomain": "app.', '"WebDomain": "web.'),
    (
        "backups stay in the region",
        "params/prod.json",
        '"BackupCopyVaultArn": "arn:aws:backup:us-west-2:000000000000:backup-vault:roomm8-copies"',
        '"BackupCopyVaultArn": ""',
    ),
    ("production has one NAT", "params/prod.json", '"NatPerZone": "true"', '"NatPerZone": "false"'),
    ("production has one node of Valkey", "params/prod.json", '"CacheNodes": "2"', '"CacheNodes": "1"'),
    (
        "a runbook speaks to a database that it cannot reach",
        "runbooks/region-loss.md",
        "AWS-StartPortForwardingSessionToRemoteHost",
        "AWS-StartPortForwardingSession",
    ),
    (
        "a runbook takes all instances away",
        "runbooks/incident.md",
        "aws ssm start-session --target INSTANCE",
        "aws autoscaling set-desired-capacity --desired-capacity 0",
    ),
    ("a runbook stops the API, and a new instance starts it", "runbooks/failover.md", "suspend-processes", "describe-policies"),
    ("a runbook starts the API on places that are gone", "runbooks/restore.md", "SET epoch", "SET era"),
    ("a runbook is gone", "runbooks/incident.md", "## It worked if", "## Afterwards"),
    (
        "an alarm is on a dimension that nobody sends",
        WATCH,
        "Dimensions: [{Name: Service, Value: api}]",
        "Dimensions: [{Name: Service, Value: web}]",
    ),
    (
        "an alarm is on a namespace that nobody fills",
        WATCH,
        'Namespace: !Sub "RoomM8/${Environment}"',
        'Namespace: !Sub "RoomM8/${Environment}/api"',
    ),
    ("the dashboard shows a figure of another name", WATCH, '"roomm8_streams_open"', '"roomm8_streams"'),
    ("sockets are counted without their colour", AGENT, '"dimensions": [["Service"], ["Service", "Color"]]', '"dimensions": [["Service"]]'),
    ("the agent has no figure of refusals", AGENT, '"^roomm8_operations_shed_total$",', ""),
    ("what may have been done is repeated", "container/haproxy.cfg", "retry-on conn-failure 503", "retry-on all-retryable-errors"),
    (
        "changes are repeated that were refused",
        "container/haproxy.cfg",
        "    http-request disable-l7-retry unless { req.hdr(upgrade) -i websocket }\n",
        "",
    ),
    ("a container that was made anew is not found", "container/haproxy.cfg", "resolvers containers init-addr none", "init-addr libc"),
]


def caught_by(files: dict[str, str]) -> str | None:
    """What finds a fault: an invariant in one of three environments, or the resolution of templates."""
    for environment in ("prod", "lean", "dr"):
        try:
            deployment = template.resolve(environment, files)
            for name in INVARIANTS:
                if applies(name, deployment) and problems(name, deployment):
                    return name
        except (ValueError, KeyError, json.JSONDecodeError) as error:
            return type(error).__name__
    return None


@pytest.mark.slow
def test_faults_are_caught(pushing: dict[str, str]) -> None:
    # Production has what can be left out, and the others leave it out.
    assert caught_by(pushing) is None
    tried, missed = 0, []
    for what, path, before, after in FAULTS:
        if path == LETTERS and path not in pushing:
            continue
        # That one is written by others, so what stands in it is looked for in one form.
        text = json.dumps(template.parse(pushing[path])) if path == LETTERS else pushing[path]
        assert before in text, f"there is no place in {path} for the fault: {what}"
        found = caught_by(pushing | {path: text.replace(before, after)})
        tried += 1
        print(f"{found or 'MISSED':48} {what}")
        if found is None:
            missed.append(what)
    print(f"{tried - len(missed)} of {tried} faults are caught")
    assert tried >= 40
    assert len(missed) <= 0.05 * tried, missed


def switches(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Where a value has a switch, and its other position."""
    if isinstance(value, dict):
        for key, item in value.items():
            # There `true` says that a header is passed on, and `false` does too.
            if key != "MethodResponses":
                yield from switches(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from switches(item, (*path, index))
    elif isinstance(value, bool):
        yield path, not value
    elif value in ("true", "false"):
        yield path, "false" if value == "true" else "true"


def altered(text: str, resource: str, path: tuple[Any, ...] | None, value: Any) -> str:
    """A template without a resource, or with one of its switches turned."""
    changed = template.parse(text)
    if path is None:
        del changed["Resources"][resource]
    else:
        *steps, last = path
        place = changed["Resources"][resource]["Properties"]
        for step in steps:
            place = place[step]
        place[last] = value
    return json.dumps(changed)


@pytest.mark.slow
def test_no_resource_is_lost_and_no_switch_turned_unnoticed(texts: dict[str, str]) -> None:
    """Not chosen by anybody: every resource and every switch of every template."""
    tried, missed = 0, []
    for path in sorted(path for path in texts if path.startswith("cfn/")):
        for name, resource in template.parse(texts[path])["Resources"].items():
            for place, value in [(None, None), *switches(resource.get("Properties", {}))]:
                tried += 1
                if caught_by(texts | {path: altered(texts[path], name, place, value)}) is None:
                    missed.append(f"{path} {name} {'' if place is None else place}")
    print("\n".join(missed))
    print(f"{tried - len(missed)} of {tried} are noticed")
    assert tried >= 200
    assert len(missed) <= 0.05 * tried
