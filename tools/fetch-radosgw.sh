#!/bin/sh
# Unpacks Ceph's radosgw 18 of Debian 13 into a folder, beside whatever Debian this is: an S3 that checks signatures, for test/e2e/http-aws-verified.test.ts.
# Nothing is installed. About 150 MB are downloaded, and 400 MB stay. Needs root, debootstrap and the network.
#
#   tools/fetch-radosgw.sh FOLDER && RADOSGW=FOLDER npm test
set -eu
folder=${1:?where to}
mirror=${2:-http://deb.debian.org/debian}
packages=$(mktemp -d)
trap 'rm -rf "$packages"' EXIT
debootstrap --download-only --variant=minbase --include=radosgw trixie "$packages" "$mirror"
mkdir -p "$folder"
for package in "$packages"/var/cache/apt/archives/*.deb; do dpkg-deb -x "$package" "$folder"; done
