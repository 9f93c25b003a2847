/** The configuration of the Manager: reading it, and storing changes without losing others'. */
import { call } from "@/api/client";
import type { ConfigurationChange, ConfigurationReport, ConfigurationSetting } from "@/api/schema";

export const readSettings = (signal: AbortSignal): Promise<ConfigurationReport> =>
  call("getSettings", { signal });

/** Stores a change of what had the etag; throws `ApiProblem`, also if somebody was quicker. */
export function storeSettings(
  change: ConfigurationChange,
  etag: string,
  isCheckOnly = false,
): Promise<ConfigurationReport> {
  return call("changeSettings", {
    body: change,
    query: { check: isCheckOnly },
    header: { "If-Match": `"${etag}"` } as never,
  });
}

export const settingOf = (
  report: ConfigurationReport,
  name: string,
): ConfigurationSetting | undefined =>
  report.sections.flatMap(({ settings }) => settings).find((each) => each.name === name);

/** As it stands in a field. */
export function textOf(setting: ConfigurationSetting): string {
  const { value } = setting;
  if (value === undefined || value === null) return "";
  if (Array.isArray(value)) return value.join("\n");
  if (setting.is_by_name) {
    return Object.entries(value).map(([name, item]) => `${name}: ${String(item)}`).join("\n");
  }
  return setting.kind === "duration" ? shortDuration(String(value)) : String(value);
}

/** "24h" for "24h0m0s": parts that are nothing say nothing. */
export const shortDuration = (text: string): string =>
  text.replace(/(\d[hm])(?:0m)?0s$/, "$1").replace(/(\dh)0m$/, "$1");

/** What a field's text means for the Manager; null takes the setting back to its default. */
export function valueOf(setting: ConfigurationSetting, text: string): unknown {
  if (text.trim() === "") return null;
  const lines = text.split("\n").map((line) => line.trim()).filter(Boolean);
  if (setting.is_list) return lines;
  if (setting.is_by_name) return Object.fromEntries(lines.map((line) => namedValue(setting, line)));
  if (setting.kind === "boolean") return text === "true";
  if (setting.kind === "number") return Number(text);
  return text;
}

/** "name: value"; names may have colons of their own. What is no value is for the Manager to refuse. */
function namedValue(setting: ConfigurationSetting, line: string): [string, unknown] {
  const colon = line.lastIndexOf(":");
  if (colon < 0) return [line, ""];
  const value = line.slice(colon + 1).trim();
  const isNumber = setting.kind === "number" && value !== "" && Number.isFinite(Number(value));
  return [line.slice(0, colon).trim(), isNumber ? Number(value) : value];
}
