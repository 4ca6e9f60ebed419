#!/usr/bin/env bash
# Entry point of the sandbox's Flink image. Same commands and environment variables as the official image:
#   jobmanager | taskmanager | standalone-job | history-server [args]   run that Flink process in the foreground
#   anything else                                                       is run as it is (the native integration)
# FLINK_PROPERTIES (lines "key: value"), JOB_MANAGER_RPC_ADDRESS and TASK_MANAGER_NUMBER_OF_TASK_SLOTS change the
# configuration, ENABLE_BUILT_IN_PLUGINS (jar;jar) takes plugins out of opt/. A read-only configuration (a mounted
# ConfigMap) stays as it is. Unlike the official one it starts no helper JVM when there is nothing to change.
set -u
conf=${FLINK_CONF_DIR:-$FLINK_HOME/conf}

settings() { # the settings of the environment, one -D argument a line
    local key value
    while IFS= read -r line; do
        [[ $line =~ ^[[:space:]]*([^#:[:space:]][^:]*):[[:space:]]*(.*[^[:space:]])[[:space:]]*$ ]] || continue
        key=${BASH_REMATCH[1]} value=${BASH_REMATCH[2]}
        printf -- '-D%s=%s\n' "$key" "$value"
    done <<<"${FLINK_PROPERTIES:-}"
    [[ -z ${TASK_MANAGER_NUMBER_OF_TASK_SLOTS:-} ]] ||
        printf -- '-Dtaskmanager.numberOfTaskSlots=%s\n' "$TASK_MANAGER_NUMBER_OF_TASK_SLOTS"
}

configure() { # write the given -D arguments into the configuration, if it can be written
    [[ $# -gt 0 && -w $conf ]] || return 0
    local file
    for file in "$conf"/config.yaml "$conf"/flink-conf.yaml; do
        [[ ! -e $file || -w $file ]] || return 0
    done
    "$FLINK_HOME"/bin/config-parser-utils.sh "$conf" "$FLINK_HOME"/bin "$FLINK_HOME"/lib "$@"
}

add_plugins() {
    local jars jar name
    IFS=';' read -ra jars <<<"${ENABLE_BUILT_IN_PLUGINS:-}"
    for jar in ${jars[@]+"${jars[@]}"}; do
        [[ -n $jar ]] || continue
        name=${jar%.jar}
        if [[ ! -f $FLINK_HOME/opt/$jar ]]; then
            echo "plugin $jar of ENABLE_BUILT_IN_PLUGINS is not in $FLINK_HOME/opt" >&2
            exit 1
        fi
        mkdir -p "$FLINK_HOME/plugins/$name"
        ln -sf "$FLINK_HOME/opt/$jar" "$FLINK_HOME/plugins/$name/$jar"
    done
}

command=${1:-help}
mapfile -t wanted < <(settings)
standalone=(
    "-Djobmanager.rpc.address=${JOB_MANAGER_RPC_ADDRESS:-$(hostname -f 2>/dev/null || hostname)}"
    -Dblob.server.port=6124 -Dquery.server.port=6125
    -Djobmanager.bind-host=0.0.0.0 -Dtaskmanager.bind-host=0.0.0.0 -Drest.bind-address=0.0.0.0
)
add_plugins
case $command in
    help)
        echo "Usage: $(basename "$0") (jobmanager|standalone-job|taskmanager|history-server|COMMAND)"
        ;;
    jobmanager | taskmanager | standalone-job)
        shift
        configure "${standalone[@]}" ${wanted[@]+"${wanted[@]}"}
        exec "$FLINK_HOME/bin/$command.sh" start-foreground "$@"
        ;;
    history-server)
        shift
        configure ${wanted[@]+"${wanted[@]}"}
        exec "$FLINK_HOME/bin/historyserver.sh" start-foreground "$@"
        ;;
    *)
        configure ${wanted[@]+"${wanted[@]}"}
        exec "$@"
        ;;
esac
