package io.gitsync.demo;

import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.core.io.SimpleVersionedSerializer;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Emits {@code number * SERIES + series} at a steady rate for each of {@link #SERIES} series.
 *
 * <p>The number of splits does not depend on the parallelism, so every reader keeps work when the job is rescaled from
 * a savepoint (a source that creates one split per reader would leave new readers without any).
 */
final class TickSource implements Source<Long, TickSplit, List<TickSplit>> {
    static final int SERIES = 16;
    private static final long serialVersionUID = 1L;

    private final double ratePerSeries;
    private final long lastNumber;

    /**
     * @param rate ticks per second of the whole job
     * @param bounded ticks of the whole job, a multiple of {@link #SERIES}; 0 means without end
     */
    TickSource(double rate, long bounded) {
        this.ratePerSeries = rate / SERIES;
        this.lastNumber = bounded == 0 ? Long.MAX_VALUE : bounded / SERIES;
    }

    @Override
    public Boundedness getBoundedness() {
        return lastNumber == Long.MAX_VALUE ? Boundedness.CONTINUOUS_UNBOUNDED : Boundedness.BOUNDED;
    }

    @Override
    public SourceReader<Long, TickSplit> createReader(SourceReaderContext context) {
        return new TickReader(ratePerSeries, lastNumber);
    }

    @Override
    public SplitEnumerator<TickSplit, List<TickSplit>> createEnumerator(SplitEnumeratorContext<TickSplit> context) {
        List<TickSplit> all = new ArrayList<>();
        for (int series = 0; series < SERIES; series++) {
            all.add(new TickSplit(series, 0));
        }
        return new Assigner(context, all);
    }

    @Override
    public SplitEnumerator<TickSplit, List<TickSplit>> restoreEnumerator(
            SplitEnumeratorContext<TickSplit> context, List<TickSplit> waiting) {
        return new Assigner(context, waiting);
    }

    @Override
    public SimpleVersionedSerializer<TickSplit> getSplitSerializer() {
        return new TickSplit.Serializer();
    }

    @Override
    public SimpleVersionedSerializer<List<TickSplit>> getEnumeratorCheckpointSerializer() {
        return new WaitingSerializer();
    }

    /** Gives every waiting series to the reader it belongs to at the present parallelism, as soon as that reader registers. */
    private static final class Assigner implements SplitEnumerator<TickSplit, List<TickSplit>> {
        private final SplitEnumeratorContext<TickSplit> context;
        private final List<TickSplit> waiting;

        Assigner(SplitEnumeratorContext<TickSplit> context, List<TickSplit> waiting) {
            this.context = context;
            this.waiting = new ArrayList<>(waiting);
        }

        @Override
        public void start() {}

        @Override
        public void handleSplitRequest(int reader, String host) {}

        @Override
        public void addSplitsBack(List<TickSplit> splits, int reader) {
            waiting.addAll(splits);
        }

        @Override
        public void addReader(int reader) {
            List<TickSplit> kept = new ArrayList<>();
            for (TickSplit split : waiting) {
                if (split.series % context.currentParallelism() == reader) {
                    context.assignSplit(split, reader);
                } else {
                    kept.add(split);
                }
            }
            waiting.clear();
            waiting.addAll(kept);
            context.signalNoMoreSplits(reader);
        }

        @Override
        public List<TickSplit> snapshotState(long checkpointId) {
            return new ArrayList<>(waiting);
        }

        @Override
        public void close() {}
    }

    /** Twelve bytes for each waiting split. */
    private static final class WaitingSerializer implements SimpleVersionedSerializer<List<TickSplit>> {
        @Override
        public int getVersion() {
            return 1;
        }

        @Override
        public byte[] serialize(List<TickSplit> splits) {
            ByteBuffer buffer = ByteBuffer.allocate(12 * splits.size());
            for (TickSplit split : splits) {
                buffer.putInt(split.series).putLong(split.next);
            }
            return buffer.array();
        }

        @Override
        public List<TickSplit> deserialize(int version, byte[] bytes) {
            List<TickSplit> splits = new ArrayList<>();
            ByteBuffer buffer = ByteBuffer.wrap(bytes);
            while (buffer.hasRemaining()) {
                splits.add(new TickSplit(buffer.getInt(), buffer.getLong()));
            }
            return splits;
        }
    }
}
