#!/bin/bash
# Make what the processes of one Dask cluster share, readable by you alone: a certificate, its key, Dask's settings.
#
#   bash experiments/slurm/credentials.sh FOLDER
#   export DASK_CONFIG=FOLDER/dask.yaml          # for the scheduler, every worker, and the command
#
# Whoever can read the folder can run any program as you. What is there already is kept.
set -eu
umask 077
mkdir -p "$1"
chmod 700 "$1"
folder=$(cd "$1" && pwd)
if [ -e "$folder/dask.yaml" ]; then exit 0; fi
openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=scaling \
  -keyout "$folder/key.pem" -out "$folder/cert.pem" 2> /dev/null
pair="{cert: \"$folder/cert.pem\", key: \"$folder/key.pem\"}"
cat > "$folder/dask.yaml.part" << END
distributed:
  comm:
    require-encryption: true
    default-scheme: tls
    tls: {ca-file: "$folder/cert.pem", scheduler: $pair, worker: $pair, client: $pair}
  scheduler:
    http: {routes: []}  # Dask's HTTP servers cannot be left out; without routes they answer nothing
  worker:
    http: {routes: []}
  nanny:
    pre-spawn-environ: {MALLOC_TRIM_THRESHOLD_: null}  # giving memory back at each step slows trainings
END
mv "$folder/dask.yaml.part" "$folder/dask.yaml"
