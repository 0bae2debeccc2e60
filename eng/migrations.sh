#!/usr/bin/env bash
# Adds a migration for each provider of the portal's database: eng/migrations.sh NAME
set -euo pipefail
cd "$(dirname "$0")/.."
name=${1:?a name for the migration, such as AddDatasetTags}
dotnet tool restore >/dev/null
dotnet build src/Qianfan.Portal -v quiet
for provider in Sqlite Postgres; do
  dotnet ef migrations add "$name" --project src/Qianfan.Portal --context "${provider}PortalDbContext" --output-dir "Data/$provider/Migrations" --no-build
done
