#!/bin/sh
# Compare what the control plane holds with what this folder declares.
#
#   drift.sh DIR [ARGUMENT OF terraform plan ...]
#
# Exit status: 0 nothing differs, 2 something differs (told to the webhook), 1 the comparison or the telling failed.
#
# Environment:
#   DRIFT_WEBHOOK_URL  where to post `{"text": ...}` (Slack and most chat systems read it); without it nothing is posted
#   DRIFT_LINK         put into the message: where to read more, for instance the CI run
#   TF_VAR_...         the folder's variables
#
# `terraform plan -detailed-exitcode` says 2 for drift and 1 for an error. Only a 2 is posted: an expired key or a control
# plane that is away is not drift, and must fail the job instead of alarming people about a change that nobody made.
set -u

if [ $# -lt 1 ] || [ ! -d "$1" ]; then
  echo "usage: drift.sh DIR [ARGUMENT OF terraform plan ...]" >&2
  exit 1
fi
dir=$1
shift
plan=$(mktemp) || exit 1
trap 'rm -f "$plan"' EXIT
trap 'exit 1' HUP INT TERM

escape() { # text as the inside of a JSON string
  printf '%s' "$1" | tr -d '\000-\037' | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g'
}

tell() {
  summary=$(sed -n 's/^Plan: //p' "$plan" | head -n 1)
  text="Keeptrusts drift in $(basename "$(cd "$dir" && pwd)"): ${summary:-outputs differ} Reconcile with terraform apply."
  [ -z "${DRIFT_LINK:-}" ] || text="$text $DRIFT_LINK"
  curl --silent --show-error --fail --max-time 15 --retry 2 --output /dev/null \
    --header 'content-type: application/json' \
    --data "{\"text\": \"$(escape "$text")\"}" \
    "$DRIFT_WEBHOOK_URL"
}

terraform -chdir="$dir" init -input=false -no-color >"$plan" 2>&1 || {
  cat "$plan" >&2
  echo "drift.sh: terraform init failed; nothing was compared" >&2
  exit 1
}

# Without a state every resource looks new: that is a missing backend, and nobody drifted.
if [ -z "$(terraform -chdir="$dir" state list 2>/dev/null)" ]; then
  echo "drift.sh: there is no state to compare with; apply first, or configure the backend (backend.tf.example)" >&2
  exit 1
fi

terraform -chdir="$dir" plan -detailed-exitcode -input=false -no-color -lock-timeout=60s "$@" >"$plan" 2>&1
status=$?
cat "$plan"

case $status in
  0) echo "drift.sh: no drift" >&2 ;;
  2)
    echo "drift.sh: drift" >&2
    if [ -n "${DRIFT_WEBHOOK_URL:-}" ] && ! tell; then
      echo "drift.sh: there is drift, and the webhook could not be told" >&2
      exit 1
    fi
    ;;
  *)
    echo "drift.sh: terraform plan failed with $status; this is not drift" >&2
    exit 1
    ;;
esac
exit "$status"
