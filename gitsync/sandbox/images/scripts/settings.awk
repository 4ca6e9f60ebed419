# Flattens the block mappings of a Flink configuration file (config.yaml, nested or flat, or flink-conf.yaml) to lines
# "key<TAB>value". Lists are skipped. Exits 3 at YAML it does not read (block scalars, flow mappings, folded lines), so
# that the caller can use Flink's own parser instead.
function fail() { failed = 1; exit 3 }
function unquoted(text) {
    if (text ~ /^'.*'$/) { text = substr(text, 2, length(text) - 2); gsub(/''/, "'", text); return text }
    if (text ~ /^".*"$/) {
        text = substr(text, 2, length(text) - 2)
        if (text ~ /\\[^"\\]/) fail()
        gsub(/\\"/, "\"", text); gsub(/\\\\/, "\\", text)
        return text
    }
    sub(/[ \t]+#.*$/, "", text)
    return text
}
{ sub(/\r$/, "") }
/^[ \t]*(#|$)/ || /^(---|\.\.\.|%)/ { next }
/^ *\t/ { fail() }
{
    match($0, /^ */)
    indent = RLENGTH
    text = substr($0, indent + 1)
    if (skipping && indent > skip) next
    skipping = 0
    if (text ~ /^-( |$)/) { skipping = 1; skip = indent; next }
    if (!match(text, /^("[^"]*"|'[^']*'|[^ "'#{\[&*!|>%@`][^#]*[^ #:]|[^ "'#{\[&*!|>%@`:]):( |$)/)) fail()
    # The key ends at the first ": ", not at the last.
    if (text !~ /^["']/) match(text, /:( |$)/)
    else match(text, /^("[^"]*"|'[^']*'):/)
    stop = (text ~ /^["']/) ? RLENGTH : RSTART
    key = unquoted(substr(text, 1, stop - 1))
    value = substr(text, stop + 1)
    gsub(/^[ \t]+|[ \t]+$/, "", value)
    while (depth > 0 && indents[depth] >= indent) depth--
    path = (depth > 0 ? paths[depth] "." : "") key
    if (value == "" || value ~ /^#/) { depth++; indents[depth] = indent; paths[depth] = path; next }
    if (value ~ /^[|>&*!]/ || (value ~ /^\{/ && value !~ /^\{ *\}/)) fail()
    if (value ~ /^["']/ && value !~ /^("([^"\\]|\\.)*"|'([^']|'')*')$/) fail()
    print path "\t" unquoted(value)
}
END { if (failed) exit 3 }
