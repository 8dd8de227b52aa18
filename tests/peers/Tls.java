// Says the same to a service over TLS by both of Java's HTTP clients, as a program does that knows
// nothing but the origin. Its stdout: what came back, each a line.

import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import javax.net.ssl.HttpsURLConnection;

public class Tls {
    public static void main(String[] arguments) throws Exception {
        var out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        var target = URI.create(arguments[0] + "/echo");
        var body = "ein Gr\u00f6\u00dfenwert";
        var request = HttpRequest.newBuilder(target).POST(HttpRequest.BodyPublishers.ofString(body));
        var taken = HttpResponse.BodyHandlers.ofString();
        var response = HttpClient.newHttpClient().send(request.build(), taken);
        out.println(response.version() + " " + response.statusCode() + " " + response.body());

        var connection = (HttpsURLConnection) target.toURL().openConnection();
        connection.setDoOutput(true);
        connection.getOutputStream().write(body.getBytes(StandardCharsets.UTF_8));
        var content = new String(connection.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        out.println("URLConnection " + connection.getResponseCode() + " " + content);
    }
}
