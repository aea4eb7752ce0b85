#!/bin/bash
# coverage.sh FOLDER FUZZER...: the branches of each parser that the inputs in
# the tree, and those of earlier runs, reach. Fails where they are less than 95
# of 100 in all.

set -u
folder=$(realpath "$1")
cd "$(dirname "$0")/../.." || exit
shift
export LC_ALL=C
parsers=(handlers/http/head.c handlers/http/slice.c broker/config/entitlement.c
    broker/config/relay_conf.c broker/config/relay_conf_keys.c broker/base/config_lines.c
    broker/config/customers_file.c broker/base/timestamp.c broker/base/netaddr.c broker/config/identity.c
    broker/ipc/message.c handlers/tls/transcript_read.c broker/pairing.c bin/agent/options.c bin/agent/target.c
    broker/base/prefix.c bin/stone/words.c bin/stone/conf.c bin/stone/conf_options.c
    bin/stone/conf_reader.c bin/stone/endpoint.c bin/stone/request.c
    handlers/http/response.c bin/stone/relay_channel.c bin/web/head.c
    bin/web/request.c bin/web/answers.c bin/agent/proxy_protocol.c
    handlers/connection/proxy_header.c handlers/peer/offer.c handlers/peer/admin_frames.c)

objects=()
for name; do
    objects+=(${objects:+-object} "$folder/bin/$name")
    mkdir -p "$folder/corpus/$name"
    LLVM_PROFILE_FILE=$folder/$name.profraw timeout 300 "$folder/bin/$name" -runs=0 \
        "$folder/corpus/$name" "tests/fuzz/corpus/${name#fuzz_}" >"$folder/$name.cov" 2>&1 ||
        {
            tail -n 20 "$folder/$name.cov"
            exit 1
        }
done
llvm-profdata merge -o "$folder/profdata" "$folder"/fuzz_*.profraw || exit
llvm-cov export -summary-only -instr-profile="$folder/profdata" "${objects[@]}" \
    >"$folder/coverage.json" || exit
python3 - "$folder/coverage.json" "${parsers[@]}" <<'PYTHON'
import json, os, sys

files = {os.path.relpath(file["filename"]): file["summary"]["branches"]
         for file in json.load(open(sys.argv[1]))["data"][0]["files"]}
total = covered = 0
for name in sys.argv[2:]:
    branches = files[name]
    total += branches["count"]
    covered += branches["covered"]
    print("%6.2f %%  %4d of %4d  %s" % (branches["percent"], branches["covered"],
          branches["count"], name))
percent = 100 * covered / total
print("%6.2f %%  %4d of %4d  branches of the parsers" % (percent, covered, total))
sys.exit(percent < 95)
PYTHON
