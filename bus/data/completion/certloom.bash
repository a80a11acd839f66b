# SPDX-License-Identifier: LGPL-2.1-or-later
# bash completion for certloom. The command itself knows what may come next.

_certloom()
{
    local cur prev words cword
    # "=" and ":" stay in their word, so that --option=value is one
    _init_completion -n =: || return

    local IFS=$'\n'
    local prefix=""
    case $cur in
        --out=*|--config-root=*)
            prefix=${cur%%=*}=
            cur=${cur#*=}
            _filedir
            ;;
        --*=*)
            COMPREPLY=($(certloom complete "${words[@]:1:cword}" 2>/dev/null))
            ;;
        *)
            case $prev in
                --out|--config-root)
                    _filedir
                    return
                    ;;
            esac
            COMPREPLY=($(certloom complete "${words[@]:1:cword}" 2>/dev/null))
            ;;
    esac
    # readline takes only what stands behind the last "="
    if [[ $prefix && $COMP_WORDBREAKS != *=* ]]; then
        COMPREPLY=("${COMPREPLY[@]/#/$prefix}")
    fi
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]]; then
        compopt -o nospace
    fi
} &&
complete -F _certloom certloom
