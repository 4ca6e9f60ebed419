"""Log configuration files that go beside Flink's configuration.

The resource's `logConfiguration` replaces the default file of the same name; without a resource file Flink
gets a log4j2 file equivalent to the one in its distribution: console for `kubectl logs`, a rolling file for the
web UI. Knows two file names, the only ones Flink's Kubernetes start scripts look for.
"""

from collections.abc import Mapping

LOG4J = "log4j-console.properties"
LOGBACK = "logback-console.xml"
FILE_NAMES = (LOGBACK, LOG4J)
"""In the order in which Flink lists them."""

_PATTERN = "%d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %-60c %x - %m%n"
_LEVELS = (
    ("pekko", "org.apache.pekko", "INFO"),
    ("kafka", "org.apache.kafka", "INFO"),
    ("hadoop", "org.apache.hadoop", "INFO"),
    ("zookeeper", "org.apache.zookeeper", "INFO"),
    ("shaded_zookeeper", "org.apache.flink.shaded.zookeeper3", "INFO"),
    ("netty", "org.jboss.netty.channel.DefaultChannelPipeline", "OFF"),
)
_SETTINGS = (
    ("monitorInterval", "30"),
    ("rootLogger.level", "${env:ROOT_LOG_LEVEL:-INFO}"),
    ("rootLogger.appenderRef.console.ref", "ConsoleAppender"),
    ("rootLogger.appenderRef.rolling.ref", "RollingFileAppender"),
    ("appender.console.name", "ConsoleAppender"),
    ("appender.console.type", "CONSOLE"),
    ("appender.console.layout.type", "PatternLayout"),
    ("appender.console.layout.pattern", _PATTERN),
    ("appender.console.filter.threshold.type", "ThresholdFilter"),
    ("appender.console.filter.threshold.level", "${sys:console.log.level:-ALL}"),
    ("appender.rolling.name", "RollingFileAppender"),
    ("appender.rolling.type", "RollingFile"),
    ("appender.rolling.append", "true"),
    ("appender.rolling.fileName", "${sys:log.file}"),
    ("appender.rolling.filePattern", "${sys:log.file}.%i"),
    ("appender.rolling.layout.type", "PatternLayout"),
    ("appender.rolling.layout.pattern", _PATTERN),
    ("appender.rolling.policies.type", "Policies"),
    ("appender.rolling.policies.size.type", "SizeBasedTriggeringPolicy"),
    ("appender.rolling.policies.size.size", "100MB"),
    ("appender.rolling.policies.startup.type", "OnStartupTriggeringPolicy"),
    ("appender.rolling.strategy.type", "DefaultRolloverStrategy"),
    ("appender.rolling.strategy.max", "${env:MAX_LOG_FILE_NUMBER:-10}"),
    *(
        (f"logger.{name}.{key}", value)
        for name, of, level in _LEVELS
        for key, value in (("name", of), ("level", level))
    ),
)
DEFAULT_LOG4J = "".join(f"{key} = {value}\n" for key, value in _SETTINGS)


def files(log_configuration: Mapping[str, str] | None) -> dict[str, str]:
    """File name to content, in Flink's order: the resource's files over the default log4j file."""
    contents = {LOG4J: DEFAULT_LOG4J} | dict(log_configuration or {})
    return {name: contents[name] for name in FILE_NAMES if name in contents}
