# SPDX-License-Identifier: BSD-2-Clause
#
# Completion for bash. What there is to complete comes from the program: `postern help --json` is asked once in a shell, and the
# syntax of a verb is read as the program itself reads it (PREFIX|- [for TIME] [with drop|refuse|reply]). So a new
# verb, clause or option needs nothing here.

# One line a verb: name, syntax and options, with tabs between.
_postern_table=

# Keys stand in this order, and nothing in these texts needs a quote.
_postern_read() { # PROGRAM
	local line rest row
	local head='"verb":"([^"]*)","syntax":"([^"]*)"' option='"option":"([^"]*)"'

	while IFS= read -r line; do
		[[ $line =~ $head ]] || continue
		row="${BASH_REMATCH[1]}"$'\t'"${BASH_REMATCH[2]}"
		rest=$line
		while [[ $rest =~ $option ]]; do
			row+=" [${BASH_REMATCH[1]}]"
			rest=${rest#*"${BASH_REMATCH[0]}"}
		done
		_postern_table+=$row$'\n'
	done < <("$1" help --json 2>/dev/null)
}

# Splits a syntax at the blanks outside of brackets, into the array slots; what is in brackets loses them.
_postern_slots() { # SYNTAX
	local syntax=$1 depth=0 i char item=

	slots=()
	for ((i = 0; i <= ${#syntax}; i++)); do
		char=${syntax:i:1}
		case $char in
		'[') depth=$((depth + 1)) ;;
		']') depth=$((depth - 1)) ;;
		esac
		if [[ -z $char || ($char == ' ' && $depth == 0) ]]; then
			[[ $item != '['*']' ]] || item=${item:1:-1}
			[[ -z $item ]] || slots+=("$item")
			item=
		else
			item+=$char
		fi
	done
}

# What the rows of `show` have under this key, of those that have the pattern.
_postern_column() { # KEY PATTERN TOPIC
	local line value="\"$1\":\"([^\"]*)\""

	while IFS= read -r line; do
		[[ $line =~ $2 && $line =~ $value ]] && printf '%s\n' "${BASH_REMATCH[1]}"
	done < <("$program" "${globals[@]}" --json show "$3" 2>/dev/null)
}

# Of the lines on standard input those that go on with what is typed, quoted. compgen -W would expand them as the shell does, and names of files
# are others' choice: one with a $(command) in it would run that, by root's tabulator.
_postern_matching() { # CURRENT
	local line

	while IFS= read -r line; do
		[[ -z $line || $line != "$1"* ]] || printf '%q\n' "$line"
	done
}

# The words that can stand for this part of a syntax.
_postern_words() { # WHAT
	local what

	case $1 in
	*IFACE*) command -v ip >/dev/null && ip -o link 2>/dev/null | awk -F': ' '{ sub(/@.*/, "", $2); print $2 }' ;;
	*TIME*) printf '%s\n' 10m 1h 12h 1d 7d ;;
	*DIRECTORY*) compgen -d -- "$current" ;;
	*FILE*) compgen -f -- "$current" ;;
	*REASON*)
		# The keys of the only row.
		"$program" "${globals[@]}" --json show counters 2>/dev/null | grep -o '"[a-z_]*":{' | tr -d '":{'
		;;
	*VERB*) cut -f 1 <<<"$_postern_table" | tr ' ' '\n' ;;
	*NAME*) [[ $verb != feed\ * ]] || _postern_column name . feeds ;;
	*PREFIX*)
		case $verb in
		unblock) _postern_column prefix '"action":"(drop|refuse|reply)".*"origin":"operator"' rules ;;
		disallow) _postern_column prefix '"action":"allow".*"origin":"operator"' rules ;;
		distrust) _postern_column prefix '"action":"trust".*"origin":"operator"' rules ;;
		esac
		;;
	*ADDR*)
		case $verb in
		why | forget | evidence) _postern_column source . sources ;;
		esac
		;;
	esac
	# The words in small letters stand for themselves.
	for what in ${1//|/ }; do
		what=${what%...}
		[[ ! $what =~ ^[a-z-]+$ ]] || printf '%s\n' "$what"
	done
}

# What can stand behind the words of this verb.
_postern_behind() { # SYNTAX WORD...
	local slots slot word last=${!#} number=0 given=()

	_postern_slots "$1"
	shift
	[[ $# -gt 0 ]] || last=
	# A clause or an option that waits for its value.
	for slot in "${slots[@]}"; do
		if [[ $slot == "$last "* && -n $last ]]; then
			_postern_words "$(tr -d '[]' <<<"${slot#* }")"
			[[ $slot == *'['* ]] || return
		fi
	done
	for word; do
		# Behind these comes the operator's own text.
		[[ $word != because && $word != saying ]] || return
		for slot in "${slots[@]}"; do
			[[ ${slot%% *} != "$word" ]] || given+=("$word")
		done
	done
	number=$#
	for word in "${given[@]}"; do
		for slot in "${slots[@]}"; do
			[[ $slot != "$word" ]] || number=$((number - 1))
			[[ $slot != "$word "* ]] || number=$((number - 2))
		done
	done
	# The rest: the next plain word, and the clauses that are not there yet.
	for slot in "${slots[@]}"; do
		if [[ $slot == *' '* || $slot == --* ]]; then
			[[ " ${given[*]} " == *" ${slot%% *} "* ]] || printf '%s\n' "${slot%% *}"
		else
			[[ $slot != *... ]] || number=0
			[[ $number != 0 ]] || _postern_words "$slot"
			number=$((number - 1))
		fi
	done
}

_postern() {
	local current=${COMP_WORDS[COMP_CWORD]} program=${COMP_WORDS[0]} globals=() words=() verb='' syntax='' name rest i
	local before=${COMP_LINE:0:COMP_POINT} typed

	[[ -n $_postern_table ]] || _postern_read "$program"
	# Addresses have colons, at which bash would divide them.
	read -r -a typed <<<"$before"
	[[ $before != *[[:blank:]] ]] || typed+=('')
	current=${typed[-1]}
	for ((i = 1; i < ${#typed[@]} - 1; i++)); do
		case ${typed[i]} in
		--config | --instance)
			globals+=("${typed[i]}" "${typed[i + 1]:-}")
			i=$((i + 1))
			;;
		--config=* | --instance=*) globals+=("${typed[i]}") ;;
		--json | --help) ;;
		*) words+=("${typed[i]}") ;;
		esac
	done
	while IFS=$'\t' read -r name rest; do
		[[ -n $name && " ${words[*]} " == " $name "* && ${#name} -gt ${#verb} ]] || continue
		verb=$name syntax=$rest
	done <<<"$_postern_table"
	case ${typed[-2]} in
	--config) mapfile -t COMPREPLY < <(compgen -f -- "$current" | _postern_matching "$current") ;;
	--instance) mapfile -t COMPREPLY < <(ls /run/postern 2>/dev/null | _postern_matching "$current") ;;
	*)
		mapfile -t COMPREPLY < <({
			if [[ -n $verb ]]; then
				set -- $verb
				_postern_behind "$syntax" "${words[@]:$#}"
			else
				while IFS=$'\t' read -r name rest; do
					[[ -z ${words[0]} || $name == "${words[0]} "* ]] || continue
					[[ -z ${words[0]} ]] || name=${name#* }
					printf '%s\n' "${name%% *}"
				done <<<"$_postern_table"
			fi
			[[ $current != -* ]] || printf '%s\n' --json --config --instance --help
		} | _postern_matching "$current" | sort -u)
		;;
	esac
	[[ ${#COMPREPLY[@]} != 1 || ! -d ${COMPREPLY[0]} ]] || compopt -o nospace -o filenames 2>/dev/null
	# Of a word with colons bash replaces what is behind the last one.
	[[ $current != *:* || $COMP_WORDBREAKS != *:* ]] || COMPREPLY=("${COMPREPLY[@]#"${current%:*}":}")
}

complete -F _postern postern
