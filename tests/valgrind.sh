#!/bin/bash
# valgrind.sh PROGRAMS FOLDER: 200 sessions through programs that valgrind runs.
# FOLDER gets a script for each program in PROGRAMS that starts it so. What
# valgrind has to say goes to the program's log, and fails the test
# (helpers.bash).

set -eu
programs=$(realpath "$1")
mkdir -p "$2"
folder=$(realpath "$2")
cd "$(dirname "$0")"

for program in "$programs"/*; do
    name=${program##*/}
    if [[ $(head -c 2 "$program") == '#!' ]]; then
        cp "$program" "$folder/$name"
        continue
    fi
    cat >"$folder/$name" <<SCRIPT
#!/bin/sh
exec valgrind -q --vgdb=no --leak-check=full --show-leak-kinds=definite "$program" "\$@"
SCRIPT
    chmod 755 "$folder/$name"
done
CLIENT_SECONDS=500 BATS_TEST_TIMEOUT=550 BUILT=$folder \
    SOAK=1 bats -f '^sessions one after the other' relay/transfer.bats
