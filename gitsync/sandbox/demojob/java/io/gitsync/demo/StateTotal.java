package io.gitsync.demo;

import org.apache.flink.api.common.accumulators.LongMaximum;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/**
 * Shows the keyed state from outside, over Flink's REST interface.
 *
 * <ul>
 *   <li>{@code stateTotal}: the sum of all counts, kept in state, so it goes on where the restored savepoint ended;
 *       as a gauge and, for a job that ends, as an accumulator
 *   <li>{@code stateRestored}: the total found in state by the first tick of this run, 0 for a start without state
 *   <li>{@code stateGaps}: ticks of this run whose number differs from the count in state; anything but 0 means that
 *       state and source position do not belong together
 * </ul>
 */
final class StateTotal extends KeyedProcessFunction<Integer, Tuple3<Integer, Long, Long>, Long> {
    private static final long serialVersionUID = 1L;

    private transient MapState<Integer, Long> counts;
    private transient LongMaximum accumulated;
    private transient boolean summed;
    private transient volatile long total;
    private transient volatile long restored;
    private transient volatile long gaps;

    @Override
    public void open(OpenContext context) {
        counts = getRuntimeContext().getMapState(new MapStateDescriptor<>("counts", Types.INT, Types.LONG));
        accumulated = new LongMaximum();
        getRuntimeContext().addAccumulator("stateTotal", accumulated);
        MetricGroup metrics = getRuntimeContext().getMetricGroup();
        metrics.gauge("stateTotal", (Gauge<Long>) () -> total);
        metrics.gauge("stateRestored", (Gauge<Long>) () -> restored);
        metrics.gauge("stateGaps", (Gauge<Long>) () -> gaps);
    }

    @Override
    public void processElement(Tuple3<Integer, Long, Long> counted, Context context, Collector<Long> out)
            throws Exception {
        if (!summed) {
            sumState();
        }
        Long before = counts.get(counted.f0);
        counts.put(counted.f0, counted.f1);
        total += counted.f1 - (before == null ? 0 : before);
        if (!counted.f1.equals(counted.f2)) {
            gaps++;
        }
        accumulated.add(total);
        out.collect(total);
    }

    private void sumState() throws Exception {
        long sum = 0;
        for (Long count : counts.values()) {
            sum += count;
        }
        restored = sum;
        total = sum;
        summed = true;
    }
}
