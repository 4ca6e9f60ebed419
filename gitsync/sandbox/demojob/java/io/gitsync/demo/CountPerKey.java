package io.gitsync.demo;

import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/** Counts the ticks of each series in keyed state; emits (series, count kept in state, count the tick itself implies). */
final class CountPerKey extends KeyedProcessFunction<Integer, Long, Tuple3<Integer, Long, Long>> {
    private static final long serialVersionUID = 1L;

    private final long failAfter;
    private transient ValueState<Long> count;
    private transient long seen;

    /** @param failAfter ticks after which each attempt of a subtask throws; 0 means never */
    CountPerKey(long failAfter) {
        this.failAfter = failAfter;
    }

    @Override
    public void open(OpenContext context) {
        count = getRuntimeContext().getState(new ValueStateDescriptor<>("count", Types.LONG));
    }

    @Override
    public void processElement(Long tick, Context context, Collector<Tuple3<Integer, Long, Long>> out) throws Exception {
        if (failAfter > 0 && ++seen > failAfter) {
            throw new IllegalStateException("--fail-after " + failAfter + " reached");
        }
        long next = (count.value() == null ? 0 : count.value()) + 1;
        count.update(next);
        out.collect(Tuple3.of(context.getCurrentKey(), next, tick / TickSource.SERIES + 1));
    }
}
