#!/usr/bin/env bash
# Stands in for kubernetes-jobmanager.sh and kubernetes-taskmanager.sh of the Flink distribution: the same process with
# the same memory, options, class path and arguments, but without the four to five helper JVMs that those start one
# after the other, with a class archive where the image has one, and with the JIT and collector that start fastest.
# Whatever it does not understand it leaves to the distribution's own script, as it does with SANDBOX_STOCK_START=true.
set -u
name=${0##*/}
home=${FLINK_HOME:-/opt/flink}
stock() { exec "$home/bin/stock-$name" "$@"; }
[[ ${SANDBOX_STOCK_START:-} != true ]] || stock "$@"

export FLINK_CONF_DIR=${FLINK_CONF_DIR:-$home/conf}
file=$FLINK_CONF_DIR/flink-conf.yaml
[[ -e $file ]] || file=$FLINK_CONF_DIR/config.yaml
flat=$(awk -f "$home/bin/settings.awk" "$file") || stock "$@"
declare -A conf=()
while IFS=$'\t' read -r key value; do [[ -z $key ]] || conf[$key]=$value; done <<<"$flat"
for key in env.java.home env.stdout-err.redirect-to-file env.yarn.conf.dir env.hadoop.conf.dir env.hbase.conf.dir; do
    [[ -z ${conf[$key]:-} ]] || stock "$@"
done

bytes() { # a Flink memory size as bytes (MemorySize: binary units, b when none is given)
    [[ ${1,,} =~ ^([0-9]+)[[:space:]]*([a-z]*)$ ]] || return 1
    case ${BASH_REMATCH[2]} in
        "" | b | bytes) echo "${BASH_REMATCH[1]}" ;;
        k | kb | kibibytes) echo $((BASH_REMATCH[1] << 10)) ;;
        m | mb | mebibytes) echo $((BASH_REMATCH[1] << 20)) ;;
        g | gb | gibibytes) echo $((BASH_REMATCH[1] << 30)) ;;
        t | tb | tebibytes) echo $((BASH_REMATCH[1] << 40)) ;;
        *) return 1 ;;
    esac
}

jobmanager_memory() { # JVM arguments and -D arguments, one a line (Flink docs, "Set up JobManager Memory")
    local process off metaspace min max fraction overhead heap
    process=$(bytes "${conf[jobmanager.memory.process.size]:-x}") || return 1
    off=$(bytes "${conf[jobmanager.memory.off-heap.size]:-128m}") || return 1
    metaspace=$(bytes "${conf[jobmanager.memory.jvm-metaspace.size]:-256m}") || return 1
    min=$(bytes "${conf[jobmanager.memory.jvm-overhead.min]:-192m}") || return 1
    max=$(bytes "${conf[jobmanager.memory.jvm-overhead.max]:-1g}") || return 1
    fraction=${conf[jobmanager.memory.jvm-overhead.fraction]:-0.1}
    [[ $fraction =~ ^0?\.[0-9]+$ ]] || return 1
    # Flink holds the fraction as a 32-bit float: 24 significant bits.
    overhead=$(awk -v p="$process" -v f="$fraction" 'BEGIN {
        s = 1; if (f > 0) while (f * s < 8388608) s *= 2
        printf "%d", p * (int(f * s + 0.5) / s) }') || return 1
    ((overhead >= min)) || overhead=$min
    ((overhead <= max)) || overhead=$max
    heap=$((process - metaspace - overhead - off))
    ((heap >= 128 << 20)) || return 1 # too little: Flink's own script has the words for it
    printf '%s\n' "-Xmx$heap -Xms$heap -XX:MaxMetaspaceSize=$metaspace"
    printf -- '-D\n%s\n' "jobmanager.memory.off-heap.size=${off}b" "jobmanager.memory.jvm-overhead.min=${overhead}b" \
        "jobmanager.memory.jvm-metaspace.size=${metaspace}b" "jobmanager.memory.heap.size=${heap}b" \
        "jobmanager.memory.jvm-overhead.max=${overhead}b"
}

case $name in
    kubernetes-jobmanager.sh)
        service=${1:-}
        case $service in
            kubernetes-application) class=org.apache.flink.kubernetes.entrypoint.KubernetesApplicationClusterEntrypoint ;;
            kubernetes-session) class=org.apache.flink.kubernetes.entrypoint.KubernetesSessionClusterEntrypoint ;;
            *) stock "$@" ;;
        esac
        role=jobmanager own=${FLINK_ENV_JAVA_OPTS_JM:-${conf[env.java.default-opts.jobmanager]:-} ${conf[env.java.opts.jobmanager]:-}}
        for key in "${!conf[@]}"; do
            [[ ! $key =~ ^jobmanager\.(memory\.(flink|heap)\.size|memory\.enable-jvm|heap\.) ]] || stock "$@"
        done
        [[ ! "$*" =~ jobmanager\.memory ]] || stock "$@"
        sizes=$(jobmanager_memory) || stock "$@"
        memory=${sizes%%$'\n'*}
        mapfile -t arguments <<<"${sizes#*$'\n'}"
        arguments+=("${@:2}")
        ;;
    *)
        service=kubernetes-taskmanager
        class=org.apache.flink.kubernetes.taskmanager.KubernetesTaskExecutorRunner
        role=taskmanager own=${FLINK_ENV_JAVA_OPTS_TM:-${conf[env.java.default-opts.taskmanager]:-} ${conf[env.java.opts.taskmanager]:-}}
        memory=${FLINK_TM_JVM_MEM_OPTS:-}
        arguments=(--configDir "$FLINK_CONF_DIR" "$@")
        ;;
esac

export FLINK_BIN_DIR=$home/bin FLINK_LIB_DIR=${FLINK_LIB_DIR:-$home/lib} FLINK_OPT_DIR=${FLINK_OPT_DIR:-$home/opt}
export FLINK_PLUGINS_DIR=${FLINK_PLUGINS_DIR:-$home/plugins} ROOT_LOG_LEVEL=${ROOT_LOG_LEVEL:-${conf[env.log.level]:-INFO}}
export FLINK_LOG_DIR=${FLINK_LOG_DIR:-${conf[env.log.dir]:-$home/log}} MAX_LOG_FILE_NUMBER=${MAX_LOG_FILE_NUMBER:-${conf[env.log.max]:-10}}
FLINK_LOG_PREFIX=$FLINK_LOG_DIR/flink-${FLINK_IDENT_STRING:-${USER:-}}-$service-0-$HOSTNAME

all=${FLINK_ENV_JAVA_OPTS:-${conf[env.java.default-opts.all]:-} ${conf[env.java.opts.all]:-${conf[env.java.opts]:-}}}
options=$(eval echo "-XX:+IgnoreUnrecognizedVMOptions $all $own")
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
release=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "${JAVA_HOME:-/nowhere}/release" 2>/dev/null)
((${release:-17} <= 17)) || options+=" -Djava.security.manager=allow"

libraries=("$FLINK_LIB_DIR"/*.jar)
classpath=
for jar in "${libraries[@]}"; do [[ ${jar##*/} == flink-dist*.jar ]] || classpath+=$jar:; done
classpath+=$(echo "$FLINK_LIB_DIR"/flink-dist*.jar)

quick=
said="${JVM_ARGS:-} $options"
[[ $said =~ -XX:[+-]Use[A-Za-z]*GC || $said =~ -XX:[+-]Use(Z|G1|Parallel) ]] || quick+=" -XX:+UseSerialGC"
[[ $said =~ TieredStopAtLevel|TieredCompilation ]] || quick+=" -XX:TieredStopAtLevel=1"
archive=$home/archive/$role.jsa
if [[ -f $archive && $classpath == "$(<"$home/archive/classpath")" ]]; then
    quick+=" -XX:SharedArchiveFile=$archive -Xlog:cds=off -Xlog:cds+dynamic=off"
fi
for more in "${HADOOP_CLASSPATH:-}" "${HADOOP_CONF_DIR:-}" "${HBASE_CONF_DIR:-}"; do classpath+=${more:+:$more}; done

echo "Starting $service as a console application on host $HOSTNAME."
console=$FLINK_CONF_DIR/log4j-console.properties
# shellcheck disable=SC2086  # options are words
exec "$java" $quick ${JVM_ARGS:-} $memory $options "-Dlog.file=$FLINK_LOG_PREFIX.log" "-Dlog4j.configuration=file:$console" \
    "-Dlog4j.configurationFile=file:$console" "-Dlogback.configurationFile=file:$FLINK_CONF_DIR/logback-console.xml" \
    -classpath "$classpath" "$class" "${arguments[@]}"
