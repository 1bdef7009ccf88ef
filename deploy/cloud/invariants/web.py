"""The site and what browsers are told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cloud.invariants import invariant
from cloud.invariants.secrets import SECRET
from cloud.template import Deployment


def distributions(d: Deployment) -> list[dict[str, Any]]:
    return [item.get("DistributionConfig") for item in d.some("AWS::CloudFront::Distribution")]


def behaviours(config: dict[str, Any]) -> list[dict[str, Any]]:
    return [config["DefaultCacheBehavior"], *config.get("CacheBehaviors", [])]


@invariant
def site_is_a_private_bucket_behind_cloudfront(d: Deployment) -> Iterator[str]:
    """The site's files are in a bucket that only our distribution reads; no instance serves them."""
    for instance in d.every("AWS::EC2::Instance"):
        yield f"{instance} stands alone"
    for config in distributions(d):
        ours = [origin for origin in config["Origins"] if d.target(origin.get("OriginAccessControlId"))]
        if not ours:
            yield "no origin signs its requests"
    for policy in d.some("AWS::S3::BucketPolicy"):
        for statement in policy.get("PolicyDocument.Statement", []):
            is_for_cloudfront = statement["Effect"] == "Allow" and statement["Principal"] == {"Service": "cloudfront.amazonaws.com"}
            if is_for_cloudfront and "distribution/${" not in str(statement.get("Condition")):
                yield f"{policy} lets any distribution read"


@invariant
def browsers_are_served_over_tls(d: Deployment) -> Iterator[str]:
    """CloudFront redirects plain HTTP and speaks TLS 1.2 and later, to browsers and to the load balancer."""
    for config in distributions(d):
        for behaviour in behaviours(config):
            if behaviour["ViewerProtocolPolicy"] not in ("redirect-to-https", "https-only"):
                yield f"{behaviour.get('PathPattern', 'the site')} is served in the clear"
        if config["DefaultCacheBehavior"]["ViewerProtocolPolicy"] != "redirect-to-https":
            yield "who types http:// is not led to https://"
        if config["ViewerCertificate"].get("MinimumProtocolVersion") not in ("TLSv1.2_2021", "TLSv1.2_2025", "TLSv1.3_2025"):
            yield "browsers may use old TLS"
        for origin in config["Origins"]:
            custom = origin.get("CustomOriginConfig")
            if custom and (custom["OriginProtocolPolicy"] != "https-only" or custom["OriginSSLProtocols"] != ["TLSv1.2"]):
                yield f"{origin['Id']} is spoken to in the clear"


@invariant
def cloudfront_is_known_by_a_secret(d: Deployment) -> Iterator[str]:
    """CloudFront sends the header that the load balancer asks for, of the same secret."""
    asked = {
        str(value)
        for rule in d.some("AWS::ElasticLoadBalancingV2::ListenerRule")
        for item in rule.get("Conditions", [])
        if item["Field"] == "http-header" and item["HttpHeaderConfig"]["HttpHeaderName"] == "X-RoomM8-Origin"
        for value in item["HttpHeaderConfig"]["Values"]
    }
    for config in distributions(d):
        sent = {
            header["HeaderValue"]
            for origin in config["Origins"]
            for header in origin.get("OriginCustomHeaders", [])
            if header["HeaderName"] == "X-RoomM8-Origin"
        }
        if not sent or sent != asked or not all(SECRET.fullmatch(value) for value in sent):
            yield "the load balancer does not know CloudFront"


@invariant
def api_is_at_the_site_s_origin(d: Deployment) -> Iterator[str]:
    """GraphQL, schema and unsubscription go to the API and are never cached; each names its caller to the firewall."""
    for config in distributions(d):
        api = {origin["Id"] for origin in config["Origins"] if "CustomOriginConfig" in origin}
        found = {behaviour["PathPattern"]: behaviour for behaviour in config.get("CacheBehaviors", [])}
        for path in ("/graphql", "/schema.graphql", "/unsubscribe/*"):
            behaviour = found.get(path)
            if behaviour is None or behaviour["TargetOriginId"] not in api:
                yield f"{path} does not lead to the API"
                continue
            # AWS's policies CachingDisabled and AllViewer: sockets need every header.
            if behaviour["CachePolicyId"] != "4135ea2d-6df8-44a3-9df3-4b5a84be39ad":
                yield f"{path} is cached"
            if behaviour.get("OriginRequestPolicyId") != "216adef6-5c7f-47e4-b989-5492eafa07d3":
                yield f"{path} loses headers"
            functions = [d.target(item["FunctionARN"]) for item in behaviour.get("FunctionAssociations", [])]
            if not any(function and "event.viewer.ip" in str(function.get("FunctionCode")) for function in functions):
                yield f"{path} does not say who asks"
        if "POST" not in found.get("/graphql", {}).get("AllowedMethods", []):
            yield "/graphql takes no POST"
        if found.get("/graphql", {}).get("Compress"):
            yield "event streams are gathered before they are sent"


@invariant
def errors_of_the_api_stay_errors(d: Deployment) -> Iterator[str]:
    """No error page: it would turn the API's 403 and 404 into the site's 200."""
    for config in distributions(d):
        if config.get("CustomErrorResponses"):
            yield "errors of the API become pages"
        functions = [d.target(item["FunctionARN"]) for item in config["DefaultCacheBehavior"].get("FunctionAssociations", [])]
        if not any(function and "/index.html" in str(function.get("FunctionCode")) for function in functions):
            yield "a reloaded page is not found"


@invariant
def browsers_are_told_to_be_careful(d: Deployment) -> Iterator[str]:
    """HSTS for a year and more, a content policy without inline scripts, no frames."""
    for config in distributions(d):
        policy = d.target(config["DefaultCacheBehavior"].get("ResponseHeadersPolicyId"))
        if policy is None:
            yield "the site has no security headers"
            continue
        headers = policy.get("ResponseHeadersPolicyConfig.SecurityHeadersConfig", {})
        content = headers.get("ContentSecurityPolicy", {}).get("ContentSecurityPolicy", "")
        if "default-src 'self'" not in content or "unsafe" in content or "frame-ancestors 'none'" not in content:
            yield f"{policy} allows too much"
        if headers.get("StrictTransportSecurity", {}).get("AccessControlMaxAgeSec", 0) < 31536000:
            yield f"{policy} lets browsers forget TLS"


@invariant
def site_is_near_everybody(d: Deployment) -> Iterator[str]:
    """CloudFront serves the site, over HTTP/3 and IPv6 too."""
    for config in distributions(d):
        if config.get("HttpVersion") != "http2and3" or config.get("IPV6Enabled") is not True or config.get("Enabled") is not True:
            yield "the site is not at its nearest"


@invariant
def origins_agree(d: Deployment) -> Iterator[str]:
    """The origin in letters, the intake's and the site's name are one."""
    values = {
        name: given.get(name) for given in d.parameters.values() for name in ("WebOrigin", "WebDomain", "OriginDomain") if name in given
    }
    if values.get("WebOrigin") != f"https://{values.get('WebDomain')}":
        yield f"{values.get('WebOrigin')} is not at {values.get('WebDomain')}"
    if not values.get("OriginDomain") or values.get("OriginDomain") == values.get("WebDomain"):
        yield "the load balancer has the site's name"


@invariant
def names_lead_where_they_say(d: Deployment) -> Iterator[str]:
    """CloudFront finds the load balancer by a record and a certificate of the same name, people find CloudFront."""
    balancers, sites = d.some("AWS::ElasticLoadBalancingV2::LoadBalancer"), d.some("AWS::CloudFront::Distribution")
    records = {
        (str(item.get("Name")), item.get("Type")): str(item.get("AliasTarget.DNSName")) for item in d.some("AWS::Route53::RecordSet")
    }
    led = {name: place for (name, kind), place in records.items() if kind == "A"}
    certified = {
        str(item.get("DomainName")) for item in d.some("AWS::CertificateManager::Certificate") if item.get("ValidationMethod") == "DNS"
    }
    for config in distributions(d):
        for name in [origin["DomainName"] for origin in config["Origins"] if "CustomOriginConfig" in origin]:
            if led.get(name) not in {f"${{{item.id}.DNSName}}" for item in balancers}:
                yield f"{name} does not lead to the load balancer"
            if name not in certified:
                yield f"the load balancer has no certificate of {name}"
        for name in config.get("Aliases", []):
            if led.get(name) not in {f"${{{item.id}.DomainName}}" for item in sites}:
                yield f"{name} does not lead to the site"
            if config.get("IPV6Enabled") and records.get((name, "AAAA")) != led.get(name):
                yield f"{name} does not lead to the site over IPv6, which it speaks"
        if not config.get("Aliases"):
            yield "the site has no name"
