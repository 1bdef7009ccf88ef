#!/bin/bash
# Waits until Auto Scaling is about to take this instance away, ends the API, which sends its clients elsewhere, and says
# that the instance may go.
set -euo pipefail

metadata() {
  local token
  token=$(curl --silent --fail --max-time 2 --request PUT --header 'X-aws-ec2-metadata-token-ttl-seconds: 60' \
    http://169.254.169.254/latest/api/token)
  curl --silent --fail --max-time 2 --header "X-aws-ec2-metadata-token: $token" "http://169.254.169.254/latest/meta-data/$1"
}

# Until an instance is in service it has no such entry.
until [ "$(metadata autoscaling/target-lifecycle-state || true)" = Terminated ]; do
  sleep 5
done

systemctl stop roomm8.service
aws autoscaling complete-lifecycle-action \
  --region "$(metadata placement/region)" \
  --auto-scaling-group-name "roomm8-$ENVIRONMENT-$COLOR" \
  --lifecycle-hook-name drain \
  --lifecycle-action-result CONTINUE \
  --instance-id "$(metadata instance-id)"
