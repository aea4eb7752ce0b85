# fish completion for relayctl(8)

set -l commands status agents sessions customers recent why check diag customer kick drain reload watch metrics account usage log-level

complete -c relayctl -f
complete -c relayctl -s c -l conf -r -F -d 'configuration file'
complete -c relayctl -s s -l socket -r -F -d 'socket of the broker'
complete -c relayctl -s a -l all -d 'ask all relays'
complete -c relayctl -s j -l json -d 'for programs'
complete -c relayctl -s V -l version -d 'print the version'
complete -c relayctl -s h -l help -d 'print the usage'
complete -c relayctl -n "not __fish_seen_subcommand_from $commands" -a status -d 'the broker itself, in numbers'
complete -c relayctl -n "not __fish_seen_subcommand_from $commands" -a agents -d 'agents that wait'
complete -c relayctl -n "not __fish_seen_subcommand_from $commands" -a sessions -d 'live sessions'
complete -c relayctl -n "not __fish_seen_subcommand_from $commands" -a customers -d 'customers, and what they have used'
complete -c relayctl -n "not __fish_seen_subcommand_from $commands" -a recent -d 'the last refusals'
complete -c relayctl -n "not __fish_seen_subcommand_from $commands" -a why -d 'what stands in the way of somebody'
complete -c relayctl -n "not __fish_seen_subcommand_from $commands" -a check -d 'whether this relay is set up well'
complete -c relayctl -n "not __fish_seen_subcommand_from $commands" -a diag -d 'all that a helper asks for'
complete -c relayctl -n "not __fish_seen_subcommand_from $commands" -a customer -d 'add a certificate to a customer'
complete -c relayctl -n "not __fish_seen_subcommand_from $commands" -a kick -d 'end a session, or all of a customer'
complete -c relayctl -n "not __fish_seen_subcommand_from $commands" -a drain -d 'no new session; end after the last'
complete -c relayctl -n "not __fish_seen_subcommand_from $commands" -a reload -d 'read all files again'
complete -c relayctl -n "not __fish_seen_subcommand_from $commands" -a watch -d 'a table that redraws itself'
complete -c relayctl -n "not __fish_seen_subcommand_from $commands" -a metrics -d 'Prometheus text'
complete -c relayctl -n "not __fish_seen_subcommand_from $commands" -a account -d 'note what was used'
complete -c relayctl -n "not __fish_seen_subcommand_from $commands" -a usage -d 'what was used, by day and customer'
complete -c relayctl -n "not __fish_seen_subcommand_from $commands" -a log-level -d 'how much is logged'
# what the broker has right now
complete -c relayctl -n '__fish_seen_subcommand_from kick' -a '(begin; relayctl sessions; relayctl agents; end 2>/dev/null | awk \'$1 != "ID" { print $1; print $2 }\' | sort -u)'
complete -c relayctl -n '__fish_seen_subcommand_from customer' -F -a '(relayctl customers 2>/dev/null | awk \'NR > 1 && $1 != "default" { print $1 }\')'
complete -c relayctl -n '__fish_seen_subcommand_from diag' -F
complete -c relayctl -n '__fish_seen_subcommand_from metrics' -l textfile -r -F -d 'write it to this file'
complete -c relayctl -n '__fish_seen_subcommand_from account usage' -l file -r -F -d 'the ledger'
complete -c relayctl -n '__fish_seen_subcommand_from usage' -l since -x -d 'from this day on'
complete -c relayctl -n '__fish_seen_subcommand_from usage' -l csv -d 'for a spreadsheet'
complete -c relayctl -n '__fish_seen_subcommand_from log-level' -a 'debug info notice warning err'
