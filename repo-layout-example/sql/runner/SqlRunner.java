import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;

/** Runs the statements of a script in their order; the last one is the job: an INSERT. */
public final class SqlRunner {
    private SqlRunner() {}

    public static void main(String[] arguments) throws IOException {
        if (arguments.length != 1) {
            throw new IllegalArgumentException("one argument is expected: the path of the script");
        }
        TableEnvironment tables = TableEnvironment.create(EnvironmentSettings.inStreamingMode());
        for (String statement : statements(Files.readString(Path.of(arguments[0])))) {
            tables.executeSql(statement);
        }
    }

    /** What stands between semicolons that are in no text, name or comment; comments are left out. */
    static List<String> statements(String script) {
        List<String> found = new ArrayList<>();
        StringBuilder current = new StringBuilder();
        char quote = 0;
        for (int at = 0; at < script.length(); at++) {
            char one = script.charAt(at);
            if (quote != 0) {
                quote = one == quote ? 0 : quote;
                current.append(one);
            } else if (script.startsWith("--", at)) {
                int end = script.indexOf('\n', at);
                at = (end < 0 ? script.length() : end) - 1;
            } else if (script.startsWith("/*", at) && !script.startsWith("/*+", at)) {
                int end = script.indexOf("*/", at + 2);
                at = end < 0 ? script.length() : end + 1;
            } else if (one == ';') {
                add(found, current);
            } else {
                quote = one == '\'' || one == '"' || one == '`' ? one : 0;
                current.append(one);
            }
        }
        add(found, current);
        return found;
    }

    private static void add(List<String> found, StringBuilder current) {
        String statement = current.toString().strip();
        current.setLength(0);
        if (!statement.isEmpty()) {
            found.add(statement);
        }
    }
}
