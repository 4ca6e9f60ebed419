#!/usr/bin/env bash
# Stands in for kubernetes-jobmanager.sh, kubernetes-taskmanager.sh (native integration), jobmanager.sh, standalone-job.sh
# and taskmanager.sh (in the foreground) of the Flink distribution: the same process with the same memory, options,
# class path and arguments, but without the four to five helper JVMs that those start one after the other, with a class archive where the image has one, and with the JIT and collector that start fastest.
# Whatever it does not understand it leaves to the distribution's own script, as it does with SANDBOX_STOCK_START=true.
set -u
name=${0##*/}
home=${FLINK_HOME:-/opt/flink}
stock() { exec "$home/bin/stock-$name" "$@"; }
[[ ${SANDBOX_STOCK_START:-} != true ]] || stock "$@"
[[ $name == kubernetes-* || ${1:-} == start-foreground ]] || stock "$@"

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

part() { # total fraction min max: the fraction of a total within bounds
    [[ $2 =~ ^0?\.[0-9]+$ ]] || return 1
    local found
    # Flink holds the fraction as a 32-bit float: 24 significant bits.
    found=$(awk -v p="$1" -v f="$2" 'BEGIN {
        s = 1; if (f > 0) while (f * s < 8388608) s *= 2
        printf "%d", p * (int(f * s + 0.5) / s) }') || return 1
    ((found >= $3)) || found=$3
    ((found <= $4)) || found=$4
    echo "$found"
}

jobmanager_memory() { # JVM arguments and -D arguments, one a line (Flink docs, "Set up JobManager Memory")
    local process off metaspace min max overhead heap
    process=$(bytes "${conf[jobmanager.memory.process.size]:-x}") || return 1
    off=$(bytes "${conf[jobmanager.memory.off-heap.size]:-128m}") || return 1
    metaspace=$(bytes "${conf[jobmanager.memory.jvm-metaspace.size]:-256m}") || return 1
    min=$(bytes "${conf[jobmanager.memory.jvm-overhead.min]:-192m}") || return 1
    max=$(bytes "${conf[jobmanager.memory.jvm-overhead.max]:-1g}") || return 1
    overhead=$(part "$process" "${conf[jobmanager.memory.jvm-overhead.fraction]:-0.1}" "$min" "$max") || return 1
    heap=$((process - metaspace - overhead - off))
    ((heap >= 128 << 20)) || return 1 # too little: Flink's own script has the words for it
    printf '%s\n' "-Xmx$heap -Xms$heap -XX:MaxMetaspaceSize=$metaspace"
    printf -- '-D\n%s\n' "jobmanager.memory.off-heap.size=${off}b" "jobmanager.memory.jvm-overhead.min=${overhead}b" \
        "jobmanager.memory.jvm-metaspace.size=${metaspace}b" "jobmanager.memory.heap.size=${heap}b" \
        "jobmanager.memory.jvm-overhead.max=${overhead}b"
}

taskmanager_memory() { # the same of a TaskManager (Flink docs, "Set up TaskManager Memory")
    local key process metaspace overhead flink managed network heap slots all=$((1 << 62)) each=134217728
    for key in "${!conf[@]}"; do
        case $key in
            taskmanager.memory.process.size | taskmanager.memory.managed.size | taskmanager.memory.managed.fraction) ;;
            taskmanager.memory.* | taskmanager.cpu.* | external-resource* | taskmanager.*numa*) return 1 ;;
        esac
    done
    process=$(bytes "${conf[taskmanager.memory.process.size]:-x}") || return 1
    metaspace=$((256 << 20)) slots=${conf[taskmanager.numberOfTaskSlots]:-1}
    [[ $slots =~ ^[0-9]+$ ]] || return 1
    overhead=$(part "$process" 0.1 $((192 << 20)) $((1 << 30))) || return 1
    flink=$((process - metaspace - overhead))
    if [[ -n ${conf[taskmanager.memory.managed.size]:-} ]]; then
        managed=$(bytes "${conf[taskmanager.memory.managed.size]}") || return 1
    else
        managed=$(part "$flink" "${conf[taskmanager.memory.managed.fraction]:-0.4}" 0 $all) || return 1
    fi
    network=$(part "$flink" 0.1 $((64 << 20)) $all) || return 1
    heap=$((flink - 2 * each - managed - network))
    ((heap >= 0)) || return 1 # too little: Flink's own script has the words for it
    printf '%s\n' "-Xmx$((heap + each)) -Xms$((heap + each)) -XX:MaxDirectMemorySize=$((each + network)) -XX:MaxMetaspaceSize=$metaspace"
    printf -- '-D\n%s\n' "taskmanager.memory.network.min=${network}b" "taskmanager.cpu.cores=$slots.0" \
        "taskmanager.memory.task.off-heap.size=0b" "taskmanager.memory.jvm-metaspace.size=${metaspace}b" \
        "external-resources=none" "taskmanager.memory.jvm-overhead.min=${overhead}b" \
        "taskmanager.memory.framework.off-heap.size=${each}b" "taskmanager.memory.network.max=${network}b" \
        "taskmanager.memory.framework.heap.size=${each}b" "taskmanager.memory.managed.size=${managed}b" \
        "taskmanager.memory.task.heap.size=${heap}b" "taskmanager.numberOfTaskSlots=$slots" \
        "taskmanager.memory.jvm-overhead.max=${overhead}b"
}

case $name in
    kubernetes-jobmanager.sh | jobmanager.sh | standalone-job.sh)
        service=${1:-}
        case $name,$service in
            standalone-job.sh,*)
                service=standalonejob
                class=org.apache.flink.container.entrypoint.StandaloneApplicationClusterEntryPoint
                ;;
            jobmanager.sh,*)
                [[ -z ${2:-} || $2 == -D ]] || stock "$@" # the older form: host and port
                service=standalonesession
                class=org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint
                ;;
            *,kubernetes-application) class=org.apache.flink.kubernetes.entrypoint.KubernetesApplicationClusterEntrypoint ;;
            *,kubernetes-session) class=org.apache.flink.kubernetes.entrypoint.KubernetesSessionClusterEntrypoint ;;
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
        [[ $name == kubernetes-* ]] || arguments=(--configDir "$FLINK_CONF_DIR" "${arguments[@]}")
        [[ $service != standalonesession || ${FLINK_VERSION:-} != 1.* ]] || arguments+=(--executionMode cluster)
        arguments+=("${@:2}")
        ;;
    taskmanager.sh)
        service=taskexecutor
        class=org.apache.flink.runtime.taskexecutor.TaskManagerRunner
        role=taskmanager own=${FLINK_ENV_JAVA_OPTS_TM:-${conf[env.java.default-opts.taskmanager]:-} ${conf[env.java.opts.taskmanager]:-}}
        [[ ! "$*" =~ taskmanager\.(memory|cpu|numberOfTaskSlots) ]] || stock "$@"
        sizes=$(taskmanager_memory) || stock "$@"
        memory=${sizes%%$'\n'*}
        mapfile -t arguments <<<"${sizes#*$'\n'}"
        arguments=(--configDir "$FLINK_CONF_DIR" "${arguments[@]}" "${@:2}")
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
