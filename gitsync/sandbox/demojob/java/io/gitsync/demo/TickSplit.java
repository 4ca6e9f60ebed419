package io.gitsync.demo;

import org.apache.flink.api.connector.source.SourceSplit;
import org.apache.flink.core.io.SimpleVersionedSerializer;

import java.nio.ByteBuffer;

/** One of a fixed number of number series; its position is what the source keeps in a checkpoint. */
final class TickSplit implements SourceSplit {
    final int series;
    long next;

    TickSplit(int series, long next) {
        this.series = series;
        this.next = next;
    }

    @Override
    public String splitId() {
        return Integer.toString(series);
    }

    /** Twelve bytes: the series, then its next number. */
    static final class Serializer implements SimpleVersionedSerializer<TickSplit> {
        @Override
        public int getVersion() {
            return 1;
        }

        @Override
        public byte[] serialize(TickSplit split) {
            return ByteBuffer.allocate(12).putInt(split.series).putLong(split.next).array();
        }

        @Override
        public TickSplit deserialize(int version, byte[] bytes) {
            ByteBuffer buffer = ByteBuffer.wrap(bytes);
            return new TickSplit(buffer.getInt(), buffer.getLong());
        }
    }
}
