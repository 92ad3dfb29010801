#!/bin/sh
# Makes a fresh clone ready: node_modules always; with `run`, `demo`, `test` also the Debian packages that these need.
# It runs before any Node of ours is there, so it is sh. Quiet when there is nothing to do.
set -eu
cd "$(dirname "$0")/.."
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

# command:package; a package is missing when its command is (a path: when there is no such file)
RUN="containerd:containerd runc:runc ip:iproute2 nft:nftables"
DEMO="busybox:busybox-static"
TEST="docker-registry:docker-registry skopeo:skopeo busybox:busybox-static dockerd:docker.io buildah:buildah crun:crun expect:expect
  docker-compose:docker-compose /usr/lib/python3/dist-packages/docker/__init__.py:python3-docker
  curl:curl nc:netcat-openbsd ps:procps tini:tini iptables:iptables openssl:openssl"

say() { echo "setup: $*" >&2; }

packages() {
  missing=""
  for pair in $*; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || [ -e "${pair%%:*}" ] || missing="$missing ${pair#*:}"
  done
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    say "missing:$missing. Install them with: sudo apt-get install --no-install-recommends$missing"
    return 0
  fi
  say "installing from Debian:$missing"
  log=$(mktemp)
  # RUNLEVEL=1 keeps the packages from starting their own services on this machine
  if { apt-get install -y --no-install-recommends $missing || { apt-get update && apt-get install -y --no-install-recommends $missing; }; } >"$log" 2>&1; then
    rm -f "$log"
  else
    tail -n 5 "$log" >&2
    rm -f "$log"
    say "could not install$missing"
    return 1
  fi
}

modules() {
  stamp=node_modules/.pouchd-setup
  sum=$(cat package.json package-lock.json | cksum)
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$sum" ] && return 0
  command -v npm >/dev/null 2>&1 || { say "npm is missing. Install it with: sudo apt-get install npm"; exit 1; }
  say "installing node_modules with npm $(npm --version)"
  # not `npm ci`: npm 11 refuses a lock without the packages of platforms that the registry does not carry
  npm install --no-save --ignore-scripts --no-audit --no-fund --loglevel=error >&2
  echo "$sum" >"$stamp"
}

export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
modules
wanted=""
for set in "$@"; do
  case "$set" in
    run) wanted="$wanted $RUN" ;;
    demo) wanted="$wanted $DEMO" ;;
    test) wanted="$wanted $TEST" ;;
    *) say "unknown set $set (run, demo, test)"; exit 2 ;;
  esac
done
packages "$wanted"
