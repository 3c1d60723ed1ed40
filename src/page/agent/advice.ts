// What a person can do about a run that failed, by the code of its failure or the status of its refusal.

const advice: Readonly<Record<string, string>> = {
  timeout: "Ask for less at once, or have the gateway wait longer (AGENT_TIMEOUT_MS). What was done stays done.",
  no_tools: "Look at the connected services for what is wrong with them, then try again.",
  command_failed: "Look at the call that failed, change the command, or try again.",
  step_limit: "Divide the command into smaller ones.",
  token_limit: "Divide the command into smaller ones.",
  tool_changed: "Send the command once more: the agent then knows the tool as it is now.",
  question_expired: "Send the command once more, and answer within the time that is shown.",
  "0": "It is not known whether the command was begun.",
  "400": "Change the command.",
  "404": "Send the command once more, if it is still wanted.",
  "410": "Send the command once more, if it is still wanted.",
  unreachable: "Check that it is running and that you are connected. What was done until then stays done.",
  silent: "The run may still be at work. Look whether it has done its part before you try again.",
  left: "The run ended with it. What was done until then stays done.",
};

const common = "Try again in a moment. What was done stays done.";

/** One or two sentences, to stand behind the message. */
export function adviceFor(code: string): string {
  return advice[code] ?? common;
}
