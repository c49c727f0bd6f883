import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Scanner;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Says what java.util.regex makes of "find" and "replace" cases. One case a line: kind, pattern, input, replacement, each in
 * Base64 of UTF-16BE, so that lone surrogates pass. One answer a line: ERROR, NONE, or start, end and groups, joined by spaces.
 */
public class RegexOracle {
  public static void main(String[] args) {
    Scanner lines = new Scanner(System.in, StandardCharsets.US_ASCII);
    while (lines.hasNextLine()) {
      String[] fields = lines.nextLine().split(",", -1);
      System.out.println(answer(fields[0], text(fields[1]), text(fields[2]), text(fields[3])));
    }
  }

  static String answer(String kind, String pattern, String input, String replacement) {
    try {
      Matcher matcher = Pattern.compile(pattern).matcher(input);
      if (kind.equals("replace")) {
        return base64(matcher.replaceAll(replacement));
      }
      if (!matcher.find()) {
        return "NONE";
      }
      List<String> parts = new ArrayList<>();
      parts.add(String.valueOf(matcher.start()));
      parts.add(String.valueOf(matcher.end()));
      for (int group = 1; group <= matcher.groupCount(); group++) {
        parts.add(matcher.group(group) == null ? "-" : "=" + base64(matcher.group(group)));
      }
      return String.join(" ", parts);
    } catch (IndexOutOfBoundsException | IllegalArgumentException e) {
      return "ERROR";
    }
  }

  /** By hand: the JDK's decoder replaces lone surrogates. */
  static String text(String base64) {
    byte[] bytes = Base64.getDecoder().decode(base64);
    StringBuilder text = new StringBuilder();
    for (int i = 0; i + 1 < bytes.length; i += 2) {
      text.append((char) ((bytes[i] & 0xff) << 8 | bytes[i + 1] & 0xff));
    }
    return text.toString();
  }

  static String base64(String text) {
    byte[] bytes = new byte[text.length() * 2];
    for (int i = 0; i < text.length(); i++) {
      bytes[2 * i] = (byte) (text.charAt(i) >> 8);
      bytes[2 * i + 1] = (byte) text.charAt(i);
    }
    return Base64.getEncoder().encodeToString(bytes);
  }
}
