#!/usr/bin/env bash
# Lints the deployment: the source as it is written, what CloudFormation gets to see, and its security posture.
#
# CFN_LINT_SOURCE (cfn-lint 1.53.1), CFN_LINT_TRANSFORMED (current cfn-lint with aws-sam-translator and boto3) and CHECKOV name
# the `bin` directories of Python environments; `cargo xtask lint` makes them.
set -euo pipefail
cd "$(dirname "$0")/../.."

: "${CFN_LINT_SOURCE:?}" "${CFN_LINT_TRANSFORMED:?}" "${CHECKOV:?}"
transformed=$(mktemp -d)
trap 'rm -rf "$transformed"' EXIT

echo "cfn-lint on the source"
"$CFN_LINT_SOURCE/cfn-lint" -- template.yaml infra/{database,devices,identity,network,observability,web}.yaml

echo "cfn-lint on the transformed templates"
"$CFN_LINT_TRANSFORMED/python" xtask/scripts/transform.py "$transformed"
# W2001: the transform puts the values of parameters in the place of references within the API, which leaves the parameters unused.
"$CFN_LINT_TRANSFORMED/cfn-lint" --ignore-checks W2001 -- "$transformed"/*.json

echo "checkov"
LOG_LEVEL=ERROR "$CHECKOV/checkov" --config-file infra/checkov.yaml --directory "$transformed"
echo "checkov: nothing beyond the argued exceptions of infra/checkov.yaml"
