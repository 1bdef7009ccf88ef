#!/bin/bash
# Makes an instance of the API out of Amazon Linux and an unpacked release. The launch template has fetched the release,
# checked its digest, and written /etc/roomm8/environment.
set -euo pipefail

readonly ENVIRONMENT=$1 COLOR=$2
release=$(dirname "$(readlink -f "$0")")

# The image's repository is locked to the image's version, so this is the same on every instance of it.
dnf install --assumeyes --quiet amazon-cloudwatch-agent

printf 'ENVIRONMENT=%s\nCOLOR=%s\n' "$ENVIRONMENT" "$COLOR" > /etc/roomm8/host
mkdir -p /var/log/roomm8
chmod 0600 /etc/roomm8/environment /etc/roomm8/host
chmod 0755 "$release/roomm8" "$release/drain.sh" "$release/drill.sh"
install -m 0644 "$release/roomm8.service" "$release/roomm8-drain.service" /etc/systemd/system/
install -D -m 0644 "$release/roomm8.logrotate" /etc/logrotate.d/roomm8

sed "s/{{environment}}/$ENVIRONMENT/g" "$release/cloudwatch-agent.json" > /etc/roomm8/cloudwatch-agent.json
sed "s/{{color}}/$COLOR/g" "$release/prometheus.yml" > /etc/roomm8/prometheus.yml
/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl -a fetch-config -m ec2 -s -c file:/etc/roomm8/cloudwatch-agent.json

systemctl daemon-reload
systemctl enable --now roomm8.service roomm8-drain.service

# An instance that never serves is to fail its deployment, not to be found out later.
for _ in $(seq 120); do
  if curl --silent --fail --max-time 3 --output /dev/null http://127.0.0.1:9090/readyz; then
    exit 0
  fi
  sleep 2
done
echo "RoomM8 did not become ready" >&2
journalctl --unit roomm8.service --lines 50 --no-pager >&2
tail --lines 50 /var/log/roomm8/roomm8.log >&2 || true
exit 1
