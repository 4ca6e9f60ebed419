CREATE TABLE orders (
  id BIGINT,
  amount DECIMAL(10, 2),
  placed TIMESTAMP(3),
  WATERMARK FOR placed AS placed - INTERVAL '5' SECOND
) WITH ('connector' = 'datagen', 'rows-per-second' = '10');

CREATE TABLE totals (day_start TIMESTAMP(3), total DECIMAL(20, 2)) WITH ('connector' = 'print');

INSERT INTO totals
SELECT window_start, SUM(amount)
FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(placed), INTERVAL '1' DAY))
GROUP BY window_start, window_end;
