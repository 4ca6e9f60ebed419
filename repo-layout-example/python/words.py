"""Counts words; the image of `words.yaml` holds this file as /opt/flink/usrlib/words.py."""

from pyflink.common import Types
from pyflink.datastream import StreamExecutionEnvironment


def main() -> None:
    environment = StreamExecutionEnvironment.get_execution_environment()
    lines = environment.from_collection(["to be or not to be"], type_info=Types.STRING())
    words = lines.flat_map(str.split, output_type=Types.STRING())
    pairs = words.map(lambda word: (word, 1), output_type=Types.TUPLE([Types.STRING(), Types.INT()]))
    pairs.key_by(lambda pair: pair[0]).reduce(lambda one, other: (one[0], one[1] + other[1])).print()
    environment.execute("words")


if __name__ == "__main__":
    main()
