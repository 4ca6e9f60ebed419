package io.gitsync.demo;

import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.core.io.InputStatus;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Emits the next number of each of its series in turn, no faster than the rate; holds no thread while it waits. */
final class TickReader implements SourceReader<Long, TickSplit> {
    private final double ratePerSeries;
    private final long lastNumber;
    private final List<TickSplit> splits = new ArrayList<>();
    private int turn;
    private boolean noMoreSplits;
    private long started;
    private long emitted;
    private CompletableFuture<Void> moreSplits = new CompletableFuture<>();

    TickReader(double ratePerSeries, long lastNumber) {
        this.ratePerSeries = ratePerSeries;
        this.lastNumber = lastNumber;
    }

    @Override
    public void start() {}

    @Override
    public InputStatus pollNext(ReaderOutput<Long> output) {
        if (splits.stream().allMatch(split -> split.next >= lastNumber)) {
            return noMoreSplits ? InputStatus.END_OF_INPUT : InputStatus.NOTHING_AVAILABLE;
        }
        if (nanosUntilDue() > 0) {
            return InputStatus.NOTHING_AVAILABLE;
        }
        TickSplit split = nextInTurn();
        output.collect(split.next * TickSource.SERIES + split.series);
        split.next++;
        emitted++;
        return InputStatus.MORE_AVAILABLE;
    }

    private TickSplit nextInTurn() {
        do {
            turn = (turn + 1) % splits.size();
        } while (splits.get(turn).next >= lastNumber);
        return splits.get(turn);
    }

    private long nanosUntilDue() {
        double perSecond = ratePerSeries * splits.size();
        return started + (long) (emitted / perSecond * 1e9) - System.nanoTime();
    }

    @Override
    public List<TickSplit> snapshotState(long checkpointId) {
        List<TickSplit> copies = new ArrayList<>();
        for (TickSplit split : splits) {
            copies.add(new TickSplit(split.series, split.next));
        }
        return copies;
    }

    @Override
    public CompletableFuture<Void> isAvailable() {
        if (splits.isEmpty()) {
            return moreSplits;
        }
        long wait = nanosUntilDue();
        if (wait <= 0) {
            return CompletableFuture.completedFuture(null);
        }
        return CompletableFuture.runAsync(
                () -> {}, CompletableFuture.delayedExecutor(wait, TimeUnit.NANOSECONDS, Runnable::run));
    }

    @Override
    public void addSplits(List<TickSplit> added) {
        splits.addAll(added);
        started = System.nanoTime();
        emitted = 0;
        wake();
    }

    /** A reader without any series idles for ever in a job without end, so that all of its tasks stay RUNNING. */
    @Override
    public void notifyNoMoreSplits() {
        noMoreSplits = lastNumber != Long.MAX_VALUE;
        wake();
    }

    private void wake() {
        CompletableFuture<Void> woken = moreSplits;
        moreSplits = new CompletableFuture<>();
        woken.complete(null);
    }

    @Override
    public void close() {}
}
