#!/usr/bin/env bash
# Runs a JobManager and a TaskManager with a small job for a moment, notes which classes they load, and writes class
# archives of them (JDK docs, "Class Data Sharing") to $1. The job runs as a standalone cluster on the loopback
# interface; the classes of the native integration come from its entry point, which ends when no API server answers.
set -u
out=$1
work=$(mktemp -d)
cp "$FLINK_HOME"/conf/* "$work"
export FLINK_CONF_DIR=$work FLINK_LIB_DIR=$FLINK_HOME/lib FLINK_OPT_DIR=$FLINK_HOME/opt FLINK_BIN_DIR=$FLINK_HOME/bin
export FLINK_PLUGINS_DIR=$FLINK_HOME/plugins FLINK_LOG_DIR=$work ROOT_LOG_LEVEL=INFO MAX_LOG_FILE_NUMBER=1
export KUBERNETES_SERVICE_HOST=127.0.0.1 KUBERNETES_SERVICE_PORT=1 _POD_IP_ADDRESS=127.0.0.1 _POD_NODE_ID=none

classpath=
for jar in "$FLINK_LIB_DIR"/*.jar; do [[ ${jar##*/} == flink-dist*.jar ]] || classpath+=$jar:; done
classpath+=$(echo "$FLINK_LIB_DIR"/flink-dist*.jar)
opens=$(awk -f "$FLINK_BIN_DIR"/settings.awk "$work"/config.yaml | sed -n 's/^env\.java\.opts\.all\t//p')

run() { # list class arguments...
    local list=$1
    shift
    # shellcheck disable=SC2086  # options are words
    exec "$JAVA_HOME"/bin/java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:DumpLoadedClassList="$work/$list" -Xmx512m \
        -XX:+IgnoreUnrecognizedVMOptions $opens "-Dlog.file=$work/$list.log" \
        "-Dlog4j.configurationFile=file:$work/log4j-console.properties" -classpath "$classpath" "$@"
}
common=(-Djobmanager.rpc.address=localhost -Drest.address=localhost -Dexecution.checkpointing.interval=1s
    -Dexecution.shutdown-on-application-finish=false "-Dexecution.checkpointing.dir=file://$work/checkpoints"
    "-Dstate.checkpoints.dir=file://$work/checkpoints")

get() { # path: what the REST endpoint answers
    { exec 3<>/dev/tcp/localhost/8081; } 2>/dev/null || return 1
    printf 'GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n' "$1" >&3
    cat <&3
    exec 3>&-
}

(run standalone.list org.apache.flink.container.entrypoint.StandaloneApplicationClusterEntryPoint \
    --configDir "$work" --job-classname io.gitsync.demo.DemoJob "${common[@]}") >"$work"/jobmanager.out 2>&1 &
jobmanager=$!
sizes=()
for pair in cpu.cores=1.0 memory.task.heap.size=134217728b memory.task.off-heap.size=0b memory.framework.heap.size=134217728b \
    memory.framework.off-heap.size=134217728b memory.network.min=67108864b memory.network.max=67108864b \
    memory.managed.size=134217728b memory.jvm-metaspace.size=268435456b memory.jvm-overhead.min=201326592b \
    memory.jvm-overhead.max=201326592b numberOfTaskSlots=1 resource-id=training; do
    sizes+=("-Dtaskmanager.$pair")
done
(run taskmanager.list org.apache.flink.kubernetes.taskmanager.KubernetesTaskExecutorRunner \
    --configDir "$work" "${common[@]}" "${sizes[@]}") >"$work"/taskmanager.out 2>&1 &
taskmanager=$!

for ((i = 0; i < 600; i++)); do
    job=$(get /jobs/overview | grep -o '"jid":"[0-9a-f]*"' | head -n 1 | cut -d'"' -f4)
    [[ -n $job ]] && get "/jobs/$job/checkpoints" | grep -q '"completed":[1-9]' && break
    kill -0 $jobmanager 2>/dev/null || break
    sleep 0.2
done
for path in /config /overview /taskmanagers "/jobs/${job:-none}" "/jobs/${job:-none}/checkpoints"; do get "$path" >/dev/null; done
kill $jobmanager $taskmanager 2>/dev/null
wait

(run native.list org.apache.flink.kubernetes.entrypoint.KubernetesApplicationClusterEntrypoint \
    "${common[@]}" -Dkubernetes.cluster-id=training -Dkubernetes.namespace=default \
    -Dkubernetes.container.image.ref=none "-D\$internal.application.main=io.gitsync.demo.DemoJob" \
    "-Dpipeline.jars=local://$FLINK_HOME/usrlib/job.jar" -Dinternal.cluster.execution-mode=NORMAL \
    -Dexecution.target=kubernetes-application) >"$work"/native.out 2>&1 &
native=$!
for ((i = 0; i < 150; i++)); do
    kill -0 $native 2>/dev/null || break
    # The job cannot get a TaskManager without an API server; asking for one is the last thing worth noting.
    grep -q 'Requesting new worker' "$work"/native.out && { sleep 1; break; }
    sleep 0.2
done
kill -9 $native
wait 2>/dev/null

archive() { # name lists...
    local name=$1
    shift
    # Lines with a source are classes of user code's loaders; ids are only unique within one list.
    (cd "$work" && cat "$@" | grep -v ' source: ' | sed 's/ id: [0-9]*//' | awk '!seen[$0]++' >"$name.classes")
    "$JAVA_HOME"/bin/java -Xshare:dump -XX:+UseSerialGC -XX:SharedClassListFile="$work/$name.classes" \
        -XX:SharedArchiveFile="$out/$name.jsa" -Xlog:cds=off -Xlog:cds+dynamic=off -classpath "$classpath" >"$work/$name.out" 2>&1 ||
        { tail -n 5 "$work/$name.out"; exit 1; }
}
[[ -s $work/standalone.list && -s $work/taskmanager.list ]] || { tail -n 3 "$work"/*.out; exit 1; }
archive jobmanager native.list standalone.list
archive taskmanager taskmanager.list
printf '%s' "$classpath" >"$out/classpath"
chmod 644 "$out"/*
