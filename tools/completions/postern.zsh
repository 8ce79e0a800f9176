#compdef postern
# SPDX-License-Identifier: BSD-2-Clause
#
# Completion for zsh. What there is to complete comes from the program: `postern help --json` is asked once in a shell, and the
# syntax of a verb is read as the program itself reads it (PREFIX|- [for TIME] [with drop|refuse|reply]). So a new
# verb, clause or option needs nothing here.

typeset -gA _postern_syntax _postern_sentence

# Keys stand in this order, and nothing in the first two texts needs a quote.
_postern_read() {
	local line rest
	local -a match mbegin mend
	local head='"verb":"([^"]*)","syntax":"([^"]*)","sentence":"([^"]*)"' option='"option":"([^"]*)"(.*)'

	for line in ${(f)"$(_call_program verbs $words[1] help --json 2>/dev/null)"}; do
		[[ $line =~ $head ]] || continue
		_postern_syntax[$match[1]]=$match[2]
		_postern_sentence[$match[1]]=$match[3]
		rest=$line
		local verb=$match[1]
		while [[ $rest =~ $option ]]; do
			_postern_syntax[$verb]+=" [$match[1]]"
			rest=$match[2]
		done
	done
}

# Splits a syntax at the blanks outside of brackets, into the array slots; what is in brackets loses them.
_postern_slots() { # SYNTAX
	local char item= depth=0

	slots=()
	for char in ${(s::)1} ' '; do
		[[ $char != '[' ]] || (( depth++ )) || true
		[[ $char != ']' ]] || (( depth-- )) || true
		if [[ $char == ' ' && $depth == 0 ]]; then
			[[ $item != '['*']' ]] || item=${${item#\[}%\]}
			[[ -z $item ]] || slots+=("$item")
			item=
		else
			item+=$char
		fi
	done
}

# What the rows of `show` have under this key, of those that have the pattern.
_postern_column() { # KEY PATTERN TOPIC
	local line
	local -a found match mbegin mend

	for line in ${(f)"$(_call_program rows $words[1] $globals --json show $3 2>/dev/null)"}; do
		[[ $line =~ $2 && $line =~ "\"$1\":\"([^\"]*)\"" ]] && found+=("$match[1]")
	done
	compadd -a found
}

# The words that can stand for this part of a syntax.
_postern_words() { # WHAT
	local -a small

	setopt localoptions extendedglob
	small=(${(M)${(s:|:)${1%...}}:#[a-z-]##})
	(( ! $#small )) || compadd -a small
	case $1 in
	*IFACE*) _net_interfaces ;;
	*TIME*) compadd 10m 1h 12h 1d 7d ;;
	*DIRECTORY*) _files -/ ;;
	*FILE*) _files ;;
	*REASON*)
		# The keys of the only row.
		compadd ${(f)"$(_call_program reasons $words[1] $globals --json show counters 2>/dev/null | grep -o '"[a-z_]*":{' | tr -d '":{')"}
		;;
	*VERB*) compadd ${(s: :)${(k)_postern_syntax}} ;;
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
}

# What can stand behind the words of this verb.
_postern_behind() { # WORD...
	local slot word number=$#
	local last=${@[-1]-}
	local -a slots given left

	_postern_slots "$_postern_syntax[$verb]"
	# A clause or an option that waits for its value.
	for slot in $slots; do
		if [[ -n $last && $slot == "$last "* ]]; then
			_postern_words "${${slot#* }//[\[\]]/}"
			[[ $slot == *'['* ]] || return
		fi
	done
	# Behind these comes the operator's own text.
	(( ! ${@[(I)because]} && ! ${@[(I)saying]} )) || return
	for word; do
		for slot in $slots; do
			[[ $slot != "$word" ]] || { given+=("$word"); (( number -= 1 )) }
			[[ $slot != "$word "* ]] || { given+=("$word"); (( number -= 2 )) }
		done
	done
	# The rest: the next plain word, and the clauses that are not there yet.
	for slot in $slots; do
		if [[ $slot == *' '* || $slot == --* ]]; then
			(( ${given[(I)${slot%% *}]} )) || left+=("${slot%% *}")
		else
			[[ $slot != *... ]] || number=0
			(( number )) || _postern_words "$slot"
			(( number-- )) || true
		fi
	done
	compadd -a left
}

_postern() {
	local verb= name i
	local -a globals typed rows

	(( $#_postern_syntax )) || _postern_read
	for (( i = 2; i < CURRENT; i++ )); do
		case $words[i] in
		--config | --instance)
			globals+=("$words[i]" "$words[i+1]")
			(( i++ ))
			;;
		--config=* | --instance=*) globals+=("$words[i]") ;;
		--json | --help) ;;
		*) typed+=("$words[i]") ;;
		esac
	done
	for name in ${(k)_postern_syntax}; do
		[[ "$typed " == "$name "* && $#name -gt $#verb ]] && verb=$name
	done
	case $words[CURRENT-1] in
	--config) _files; return ;;
	--instance) compadd /run/postern/*(N:t); return ;;
	esac
	[[ $PREFIX != -* ]] || compadd -- --json --config --instance --help
	if [[ -n $verb ]]; then
		shift ${(w)#verb} typed
		_postern_behind $typed
		return
	fi
	for name in ${(k)_postern_syntax}; do
		[[ -z $typed[1] || $name == "$typed[1] "* ]] || continue
		if [[ -n $typed[1] ]]; then
			rows+=("${name#* }:$_postern_sentence[$name]")
		elif [[ $name == *' '* ]]; then
			rows+=("${name%% *}:more words behind it")
		else
			rows+=("$name:$_postern_sentence[$name]")
		fi
	done
	_describe verb rows
}

_postern "$@"
