package io.gitsync.demo;

import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * A stateful job whose progress survives an upgrade visibly: ticks, counted per key, and a total of the counts.
 *
 * <p>Uses only what Flink 1.20 and 2.x both have, so that one jar serves both; everything else (parallelism, checkpoints,
 * restart strategy) is Flink's configuration. Arguments:
 *
 * <pre>
 *   --rate N         ticks per second of the whole job, default 100
 *   --bounded N      end after N ticks (a multiple of 16); default: without end
 *   --fail-after N   every attempt of a counting subtask throws after N ticks; default: never
 *   --fail-in-main   throw before the job is submitted
 * </pre>
 */
public final class DemoJob {
    private double rate = 100;
    private long bounded;
    private long failAfter;
    private boolean failInMain;

    private DemoJob(String[] args) {
        for (int at = 0; at < args.length; at++) {
            switch (args[at]) {
                case "--rate":
                    rate = Double.parseDouble(value(args, ++at));
                    break;
                case "--bounded":
                    bounded = Long.parseLong(value(args, ++at));
                    break;
                case "--fail-after":
                    failAfter = Long.parseLong(value(args, ++at));
                    break;
                case "--fail-in-main":
                    failInMain = true;
                    break;
                default:
                    throw new IllegalArgumentException("unknown argument " + args[at]);
            }
        }
        if (rate <= 0 || bounded < 0 || bounded % TickSource.SERIES != 0) {
            throw new IllegalArgumentException(
                    "--rate must be above 0 and --bounded a multiple of " + TickSource.SERIES);
        }
    }

    private static String value(String[] args, int at) {
        if (at == args.length) {
            throw new IllegalArgumentException(args[at - 1] + " needs a value");
        }
        return args[at];
    }

    public static void main(String[] args) throws Exception {
        DemoJob job = new DemoJob(args);
        if (job.failInMain) {
            throw new IllegalStateException("--fail-in-main was given");
        }
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.fromSource(new TickSource(job.rate, job.bounded), WatermarkStrategy.noWatermarks(), "ticks")
                .uid("ticks")
                .returns(Types.LONG)
                .keyBy(tick -> (int) (tick % TickSource.SERIES), Types.INT)
                .process(new CountPerKey(job.failAfter))
                .name("counts")
                .uid("counts")
                .returns(Types.TUPLE(Types.INT, Types.LONG, Types.LONG))
                .keyBy(counted -> 0, Types.INT)
                .process(new StateTotal())
                .name("total")
                .uid("total")
                .returns(Types.LONG)
                .setParallelism(1)
                .sinkTo(new DiscardingSink<>())
                .name("discard")
                .uid("discard")
                .setParallelism(1);
        env.execute("ticks");
    }
}
