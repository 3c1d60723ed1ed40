// Precedence, names and refusals of settings. Ranges are read from the schema, so that no key is forgotten.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ConfigError } from "../../../src/config/config-error.ts";
import { listSettings, type Setting } from "../../../src/config/config-names.ts";
import { type ConfigSources, loadConfig } from "../../../src/config/load-config.ts";

const HOME = { HOME: "/home/ann" };

function load(sources: Partial<ConfigSources>) {
  return loadConfig({ environment: HOME, flags: {}, ...sources });
}

function yaml(text: string) {
  return { path: "gateway.yaml", text };
}

function problemsOf(sources: Partial<ConfigSources>): readonly string[] {
  try {
    load(sources);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

/** Another value than the default, as text. */
function otherText({ schema, key }: Setting): string {
  if (schema.enum !== undefined) return String(schema.enum.find((value) => value !== schema.default));
  if (schema.type === "boolean") return String(!schema.default);
  if (schema.type === "integer") return String(schema.maximum);
  if (key === "workers") return "auto";
  if (key === "upstreams") return '[{"name":"home","dialect":"ollama","base_url":"http://127.0.0.1:11434/v1"}]';
  if (key === "mcpServers") return '{"files":{"command":"mcp-files","args":["/data"]}}';
  if (key === "limitSpendPerDay") return "2.5";
  if (key === "prices") return '{"home/*":{"input":0,"output":1.5}}';
  if (key === "jwtSecret") return "s".repeat(32);
  if (key === "otelExporterOtlpHeaders") return "x-team=blue";
  if (key === "jwtJwksUrl") return "https://login.example.com/keys";
  if (schema.type === "object") return '{"bx-umidtoken":"T2gA"}';
  if (schema.format === "uri") return "http://127.0.0.1:9";
  if (key === "agentRules") return '[{"keys":["ci-*"],"users":["ann"],"confirm":"writes","deny":["mail/*"]}]';
  if (key === "qwenAccounts") return '[{"alias":"work","token":"t","cookies":"a=b","headers":{"bx-v":"2.5"}}]';
  if (key === "masterKey" || key === "masterKeyPrevious") return "ab".repeat(32);
  if (key === "storeUrl") return "redis://user:secret@127.0.0.1:6379/1";
  if (key === "chatSteps") return "retrieval,generation";
  if (key === "corsOrigin" || key === "fileFetchOrigins") return "https://a.example,https://b.example";
  return key === "trustedProxies" ? "10.0.0.0/8" : "other";
}

/** The value that this text means. */
function meaningOf({ key, schema }: Setting, text: string): unknown {
  if (key === "qwenAccounts" || key === "upstreams" || key === "agentRules") return JSON.parse(text);
  if (schema.type === "array") return text.split(",");
  return schema.type === "string" || schema.type === undefined ? text : JSON.parse(text);
}

describe("loadConfig", () => {
  test("loadConfig without any source gives the documented defaults [R0-014] [R2-057] [R2-058]", () => {
    const { config, origins } = load({});

    expect(config).toEqual({
      host: "127.0.0.1",
      port: 8787,
      workers: 1,
      dataDir: "/home/ann/.local/share/qwen-gateway",
      apiKey: [],
      adminKey: [],
      insecure: false,
      storeDown: "refuse",
      generateApiKey: false,
      allowedHosts: [],
      trustedProxies: [],
      corsOrigin: [],
      masterKeyPrevious: [],
      qwenBaseUrl: "https://chat.qwen.ai",
      qwenAuthUrl: "https://auth.qwen.ai",
      qwenChainOn: "response_id",
      qwenChatTitle: "API Chat",
      qwenDeleteChats: false,
      qwenUpload: true,
      qwenRecover: true,
      upstreamApiKey: [],
      upstreamModels: [],
      dashscopeApiKey: [],
      modelscopeApiKey: [],
      defaultModel: "qwen3-max",
      contextTrim: "off",
      sessionMatch: "history",
      sessionTimeout: 2_592_000_000,
      sessionCleanupInterval: 600_000,
      retryMaxAttempts: 3,
      retryBaseDelayMs: 500,
      retryMaxDelayMs: 8000,
      retryBudgetMs: 60_000,
      accountChallengeMs: 600_000,
      accountSignInMs: 300_000,
      accountBusyMs: 120_000,
      breakerOpenMs: 30_000,
      healthCheckIntervalMs: 5000,
      healthCheckTimeoutMs: 2000,
      firstByteTimeoutMs: 90_000,
      stallTimeoutMs: 120_000,
      replyTimeoutMs: 1_800_000,
      holdHeadersMs: 15_000,
      sseKeepaliveMs: 15_000,
      clientStallMs: 60_000,
      drainTimeoutMs: 30_000,
      maxBodyBytes: 33_554_432,
      maxFileBytes: 20_971_520,
      fileFetch: true,
      fileFetchOrigins: [],
      fileFetchTimeoutMs: 15_000,
      filesMaxBytes: 536_870_912,
      filesKeepMs: 2_592_000_000,
      history: "off",
      historyKeep: 2_592_000_000,
      historyMaxBytes: 1_073_741_824,
      maxLineBytes: 16_777_216,
      maxMessages: 10_000,
      queueSize: 100,
      queueWaitMs: 30_000,
      chatSteps: ["query_analysis", "retrieval", "generation", "quality", "follow_ups"],
      chatAnalysis: "rules",
      chatSources: 5,
      chatFollowUpsMs: 10_000,
      documentMaxBytes: 20_971_520,
      documentsMaxBytes: 536_870_912,
      replayKeepMs: 3_600_000,
      replayGraceMs: 60_000,
      replayMaxStreamBytes: 4_194_304,
      replayMaxBytes: 268_435_456,
      agentTimeoutMs: 60_000,
      agentMaxSteps: 20,
      agentConfirm: "destructive",
      agentConfirmExpiryMs: 86_400_000,
      agentAllow: [],
      agentAsk: [],
      agentDeny: [],
      agentOpen: false,
      agentSampling: false,
      mcpCacheMs: 300_000,
      mcpCallTimeoutMs: 60_000,
      captureMaxBytes: 268_435_456,
      captureMaxExchangeBytes: 16_777_216,
      otelServiceName: "qwen-gateway",
      otelSamplePercent: 100,
      transport: "socket",
      stream: true,
      streamUsage: "request",
      logLevel: "info",
      logFormat: "auto",
      reasoningDisplay: "field",
      wrapAnswer: "off",
      debugStreaming: false,
    });
    expect(new Set(Object.values(origins))).toEqual(new Set(["default"]));
  });

  test("loadConfig knows exactly the fixed environment names", () => {
    expect(listSettings().map((setting) => setting.environmentName)).toEqual([
      ..."HOST PORT WORKERS DATA_DIR API_KEY ADMIN_KEY INSECURE GENERATE_API_KEY ALLOWED_HOSTS TRUSTED_PROXIES CORS_ORIGIN".split(
        " ",
      ),
      ..."MASTER_KEY MASTER_KEY_PREVIOUS QWEN_TOKEN QWEN_COOKIES QWEN_HEADERS QWEN_ACCOUNTS QWEN_BASE_URL QWEN_AUTH_URL QWEN_CHAIN_ON QWEN_CHAT_TITLE".split(
        " ",
      ),
      ..."QWEN_DELETE_CHATS QWEN_MAX_MESSAGE_CHARS QWEN_UPLOAD QWEN_UPLOAD_URL QWEN_RECOVER".split(" "),
      ..."QWEN_MAX_CONCURRENT QWEN_REQUESTS_PER_MINUTE".split(" "),
      ..."UPSTREAM_BASE_URL UPSTREAM_API_KEY UPSTREAM_DIALECT UPSTREAM_MODELS".split(" "),
      ..."UPSTREAM_MAX_CONCURRENT UPSTREAM_REQUESTS_PER_MINUTE UPSTREAM_TOKENS_PER_MINUTE".split(" "),
      ..."DASHSCOPE_API_KEY DASHSCOPE_REGION DASHSCOPE_PLAN DASHSCOPE_TIER DASHSCOPE_MAX_CONCURRENT".split(" "),
      ..."DASHSCOPE_REQUESTS_PER_MINUTE DASHSCOPE_TOKENS_PER_MINUTE MODELSCOPE_API_KEY UPSTREAMS MODEL_ROUTES".split(
        " ",
      ),
      ..."DEFAULT_MODEL CONTEXT_TRIM SESSION_MATCH SESSION_TIMEOUT".split(" "),
      ..."SESSION_CLEANUP_INTERVAL STORE_URL STORE_DOWN RETRY_MAX_ATTEMPTS RETRY_BASE_DELAY_MS RETRY_MAX_DELAY_MS".split(
        " ",
      ),
      ..."RETRY_BUDGET_MS ACCOUNT_COOLDOWN_MAX_MS ACCOUNT_CHALLENGE_MS ACCOUNT_SIGN_IN_MS ACCOUNT_BUSY_MS BREAKER_OPEN_MS HEALTH_CHECK_INTERVAL_MS HEALTH_CHECK_TIMEOUT_MS FIRST_BYTE_TIMEOUT_MS STALL_TIMEOUT_MS".split(
        " ",
      ),
      ..."REPLY_TIMEOUT_MS HOLD_HEADERS_MS SSE_KEEPALIVE_MS CLIENT_STALL_MS DRAIN_TIMEOUT_MS".split(" "),
      ..."MAX_BODY_BYTES MAX_FILE_BYTES FILE_FETCH FILE_FETCH_ORIGINS FILE_FETCH_TIMEOUT_MS FILES_MAX_BYTES FILES_KEEP_MS MAX_LINE_BYTES MAX_MESSAGES MAX_STREAMS MAX_STREAMS_PER_KEY QUEUE_SIZE QUEUE_WAIT_MS HISTORY HISTORY_KEEP HISTORY_MAX_BYTES LIMIT_REQUESTS_PER_MINUTE LIMIT_TOKENS_PER_MINUTE LIMIT_TOKENS_PER_DAY LIMIT_SPEND_PER_DAY SESSION_REQUESTS_PER_MINUTE SESSION_STREAMS PRICES CHAT_STEPS CHAT_ANALYSIS CHAT_SOURCES CHAT_INSTRUCTIONS CHAT_FOLLOW_UPS_MS EMBEDDING_MODEL TRANSCRIPTION_MODEL DOCUMENT_MAX_BYTES DOCUMENTS_MAX_BYTES REPLAY_KEEP_MS REPLAY_GRACE_MS REPLAY_MAX_STREAM_BYTES REPLAY_MAX_BYTES MCP_SERVERS MCP_CONFIG AGENT_MODEL AGENT_TIMEOUT_MS AGENT_MAX_STEPS AGENT_CONFIRM AGENT_CONFIRM_EXPIRY_MS AGENT_ALLOW AGENT_ASK AGENT_DENY AGENT_RULES AGENT_OPEN AGENT_SAMPLING MCP_CACHE_MS MCP_CALL_TIMEOUT_MS JWT_SECRET JWT_PUBLIC_KEY JWT_JWKS_URL JWT_ISSUER JWT_AUDIENCE CAPTURE_DIR CAPTURE_MAX_BYTES CAPTURE_MAX_EXCHANGE_BYTES OTEL_EXPORTER_OTLP_ENDPOINT OTEL_EXPORTER_OTLP_HEADERS OTEL_SERVICE_NAME OTEL_SAMPLE_PERCENT TRANSPORT STREAM STREAM_USAGE REASONING_DISPLAY WRAP_ANSWER LOG_LEVEL LOG_FORMAT DEBUG_STREAMING".split(
        " ",
      ),
    ]);
  });

  test("loadConfig takes a number of workers as a number", () => {
    expect(load({ environment: { ...HOME, WORKERS: "4" } }).config.workers).toBe(4);
    expect(load({ flags: { workers: "4" } }).config.workers).toBe(4);
    expect(load({ file: yaml("workers: 4") }).config.workers).toBe(4);
  });

  test("loadConfig reaches upstreams by fetch where the environment names a proxy", () => {
    const environment = { ...HOME, HTTPS_PROXY: "http://proxy.example:3128" };

    expect(load({ environment }).config.transport).toBe("fetch");
    expect(load({ environment: { ...environment, TRANSPORT: "socket" } }).config.transport).toBe("socket");
  });

  for (const setting of listSettings()) {
    const { key, environmentName, fileName, flagName } = setting;
    const text = otherText(setting);
    const value: unknown = meaningOf(setting, text);

    test(`loadConfig takes ${environmentName} from the environment, the file and a flag alike`, () => {
      const fromEnvironment = load({ environment: { ...HOME, [environmentName]: text } });
      const fromFile = load({ file: yaml(`${fileName}: ${JSON.stringify(value)}`) });
      const fromFlag = load({ flags: { [flagName]: text } });

      for (const { config } of [fromEnvironment, fromFile, fromFlag]) expect(config[key] as unknown).toEqual(value);
      const origins = [fromEnvironment, fromFile, fromFlag].map((loaded) => loaded.origins[key]);
      expect(origins).toEqual(["environment", "file", "flag"]);
    });
  }

  test("loadConfig ranks default < file < environment < flags for any set of sources", () => {
    const sources = fc.record({ file: fc.boolean(), environment: fc.boolean(), flag: fc.boolean() });
    fc.assert(
      fc.property(sources, ({ file, environment, flag }) => {
        const { config, origins } = loadConfig({
          environment: { ...HOME, ...(environment ? { PORT: "2" } : {}) },
          flags: flag ? { port: "3" } : {},
          ...(file ? { file: yaml("port: 1") } : {}),
        });
        const winner = flag ? 3 : environment ? 2 : file ? 1 : 8787;
        expect(config.port).toBe(winner);
        expect(origins.port).toBe(flag ? "flag" : environment ? "environment" : file ? "file" : "default");
      }),
    );
  });

  test("loadConfig reads session and retry settings as numbers [R2-057] [R2-058] [R2-060]", () => {
    const { config } = load({
      environment: {
        ...HOME,
        SESSION_TIMEOUT: "1000",
        SESSION_CLEANUP_INTERVAL: "50",
        RETRY_MAX_ATTEMPTS: "5",
        RETRY_BASE_DELAY_MS: "0",
        RETRY_MAX_DELAY_MS: "20",
      },
    });

    expect([config.sessionTimeout, config.sessionCleanupInterval]).toEqual([1000, 50]);
    expect([config.retryMaxAttempts, config.retryBaseDelayMs, config.retryMaxDelayMs]).toEqual([5, 0, 20]);
  });

  test("loadConfig counts empty environment values and empty YAML values as unset", () => {
    const { config, origins } = load({
      environment: { ...HOME, PORT: "", API_KEY: " \n" },
      file: yaml("qwen_token:\n"),
    });

    expect(config.port).toBe(8787);
    expect(config.apiKey).toEqual([]);
    expect("qwenToken" in config).toBe(false);
    expect(origins.qwenToken).toBe("default");
  });

  test("loadConfig drops the line end behind a secret that was read from a file", () => {
    expect(load({ environment: { ...HOME, QWEN_TOKEN: "abc\n" } }).config.qwenToken).toBe("abc");
  });

  test("loadConfig leaves optional settings out of the config", () => {
    const { config } = load({});

    for (const key of ["masterKey", "qwenToken", "qwenCookies", "qwenMaxMessageChars", "accountCooldownMaxMs"]) {
      expect(key in config).toBe(false);
    }
  });

  test("loadConfig splits lists at commas, in the environment as in the file", () => {
    const fromEnvironment = load({ environment: { ...HOME, API_KEY: " one, two ,,three" } });
    const fromText = load({ file: yaml('api_key: "one, two, three"') });
    const fromList = load({ file: yaml("api_key: [one, two, three]") });

    for (const { config } of [fromEnvironment, fromText, fromList])
      expect(config.apiKey).toEqual(["one", "two", "three"]);
  });

  test("loadConfig takes * and origins for CORS_ORIGIN, and nothing that has a path", () => {
    expect(load({ environment: { ...HOME, CORS_ORIGIN: "*" } }).config.corsOrigin).toEqual(["*"]);
    expect(load({ flags: { "cors-origin": "http://localhost:3000" } }).config.corsOrigin).toEqual([
      "http://localhost:3000",
    ]);
    expect(problemsOf({ flags: { "cors-origin": "https://a.example/page" } })).toHaveLength(1);
  });

  test("loadConfig leaves no password and no query out of an address that it refuses", () => {
    for (const written of ["http://ann:secret@Host.example", "http://Host.example?key=1", "http://Host.example#one"])
      expect(problemsOf({ environment: { ...HOME, QWEN_BASE_URL: written } })).toHaveLength(1);
  });

  test.each([
    ["https://Chat.Qwen.AI", "https://chat.qwen.ai"],
    ["https://chat.qwen.ai:443/", "https://chat.qwen.ai"],
    ["http://[0:0::1]:80/V1/", "http://[::1]/V1"],
    ["http://gateway.example:8080/A%2fb", "http://gateway.example:8080/A%2fb"],
  ])("loadConfig knows the address %s, whoever spells it how", (written, address) => {
    expect(load({ environment: { ...HOME, QWEN_BASE_URL: written } }).config.qwenBaseUrl).toBe(address);
    expect(load({ file: yaml(`qwen_base_url: "${written}"`) }).config.qwenBaseUrl).toBe(address);
  });

  test("loadConfig drops slashes at the end of addresses", () => {
    expect(load({ environment: { ...HOME, QWEN_BASE_URL: "http://127.0.0.1:9/qwen//" } }).config.qwenBaseUrl).toBe(
      "http://127.0.0.1:9/qwen",
    );
  });

  test("loadConfig turns DEBUG_STREAMING on by exactly true and by nothing else [R1-026]", () => {
    const words = ["true", "TRUE", "True", "1", "yes", "on", "false", "0", "anything"];
    const results = words.map(
      (word) => load({ environment: { ...HOME, DEBUG_STREAMING: word } }).config.debugStreaming,
    );

    expect(results).toEqual([true, false, false, false, false, false, false, false, false]);
    expect(load({ file: yaml("debug_streaming: true") }).config.debugStreaming).toBe(true);
    expect(load({ file: yaml("debug_streaming: 1") }).config.debugStreaming).toBe(false);
  });

  test("loadConfig freezes the config and its lists, and shares no list between two loads", () => {
    const first = load({}).config;
    const second = load({}).config;

    expect(Object.isFrozen(first)).toBe(true);
    for (const key of ["apiKey", "allowedHosts", "trustedProxies", "corsOrigin"] as const) {
      expect(Object.isFrozen(first[key])).toBe(true);
      expect(first[key]).not.toBe(second[key]);
    }
  });
});

describe("loadConfig refuses", () => {
  const numbers = listSettings().filter(({ schema }) => schema.type === "integer");

  for (const { environmentName, flagName, fileName, schema } of numbers) {
    const range = `a whole number from ${schema.minimum} to ${schema.maximum}`;

    test(`loadConfig names ${environmentName} and its range for a wrong number`, () => {
      const outside = [
        String(Number(schema.minimum) - 1),
        String(Number(schema.maximum) + 1),
        "1.5",
        "ten",
        "0x10",
        "1e3",
      ];
      for (const text of outside) {
        const sentence = `Cannot use ${environmentName} "${text}": it must be ${range}`;
        expect(problemsOf({ environment: { ...HOME, [environmentName]: text } })).toEqual([sentence]);
      }
      expect(problemsOf({ flags: { [flagName]: "x" } })).toEqual([`Cannot use --${flagName} "x": it must be ${range}`]);
      const inFile = `Cannot use ${fileName} "7" in the config file: it must be ${range}; write it without quotes`;
      expect(problemsOf({ file: yaml(`${fileName}: "7"`) })).toEqual([inFile]);
    });
  }

  const others: [string, string, string][] = [
    ["HOST", "a b", "a host name or an IP address"],
    ["WORKERS", "0", "a whole number from 1 to 256, or auto"],
    ["WORKERS", "257", "a whole number from 1 to 256, or auto"],
    ["WORKERS", "all", "a whole number from 1 to 256, or auto"],
    ["INSECURE", "yes", '"true" or "false"'],
    ["STREAM", "1", '"true" or "false"'],
    ["SESSION_MATCH", "title", 'one of "history", "first-message"'],
    ["QWEN_CHAIN_ON", "id", 'one of "response_id", "parent_id"'],
    ["STREAM_USAGE", "never", 'one of "request", "always"'],
    ["LOG_LEVEL", "trace", 'one of "debug", "info", "warn", "error", "silent"'],
    ["LOG_FORMAT", "xml", 'one of "auto", "pretty", "json"'],
    ["QWEN_BASE_URL", "ftp://chat.qwen.ai", "an http:// or https:// address without password and query"],
    ["QWEN_AUTH_URL", "auth.qwen.ai", "an http:// or https:// address without password and query"],
    ["UPSTREAM_BASE_URL", "http://gpu:99999/v1", "an http:// or https:// address without password and query"],
    ["UPSTREAM_BASE_URL", "http://[::1/v1", "an http:// or https:// address without password and query"],
    ["TRUSTED_PROXIES", "proxy.local", "IP addresses or ranges such as 10.0.0.0/8"],
    ["ALLOWED_HOSTS", ",", "host names such as gateway.example.com"],
    // Nobody but a shell knows that sign: a folder of that name would be made, wherever the gateway is started.
    ["DATA_DIR", "~/qwen", "the path of a folder, without ~"],
    ["CAPTURE_DIR", "~", "the path of a folder, without ~"],
    // No name begins so: whoever writes it would wait for calls that are all refused.
    ["ALLOWED_HOSTS", "*", "host names such as gateway.example.com"],
    ["ALLOWED_HOSTS", "a.test,*.example.com", "host names such as gateway.example.com"],
    ["CORS_ORIGIN", "example.com", "origins such as https://app.example.com, or *"],
    ["CORS_ORIGIN", "https://*.example.com", "origins such as https://app.example.com, or *"],
    ["ALLOWED_HOSTS", "*.example.com", "host names such as gateway.example.com"],
    ["ALLOWED_HOSTS", ".example.com", "host names such as gateway.example.com"],
  ];
  for (const [name, text, range] of others) {
    test(`loadConfig names ${name} and its range for ${JSON.stringify(text)}`, () => {
      const sentence = `Cannot use ${name} ${JSON.stringify(text)}: it must be ${range}`;
      expect(problemsOf({ environment: { ...HOME, [name]: text } })).toEqual([sentence]);
    });
  }

  test("loadConfig never echoes the value of a secret", () => {
    const secret = "s3cret with space\u0001";
    const environment = { ...HOME, API_KEY: secret, MASTER_KEY: secret, QWEN_TOKEN: secret, QWEN_COOKIES: secret };
    const file = yaml(
      Object.keys(environment)
        .slice(1)
        .map((name) => `${name.toLowerCase()}: [{ a: s3cret }]`)
        .join("\n"),
    );

    for (const problems of [problemsOf({ environment }), problemsOf({ file })]) {
      expect(problems).toHaveLength(4);
      expect(problems.join("\n")).not.toContain("s3cret");
    }
    expect(problemsOf({ environment: { ...HOME, MASTER_KEY: "ab" } })).toEqual([
      "Cannot use MASTER_KEY: it must be 64 hexadecimal characters",
    ]);
  });

  test("loadConfig neither takes nor echoes a password within an address", () => {
    const environment = { ...HOME, UPSTREAM_BASE_URL: "http://ann:s3cret@gpu/v1" };

    expect(problemsOf({ environment })).toEqual([
      'Cannot use UPSTREAM_BASE_URL "http://****@gpu/v1": it must be an http:// or https:// address without password and query',
    ]);
  });

  const entries: [string, string][] = [
    ["upstreams: [{ name: a, base_url: http://a, max_concurent: 3 }]", 'unknown key "max_concurent" in entry 1'],
    ["upstreams: [{ name: a, base_url: http://a }, { name: b, base_url: b:8000 }]", 'wrong "base_url" in entry 2'],
    ["upstreams: [{ name: a, base_url: http://a:99999 }]", 'wrong "base_url" in entry 1'],
    ["upstreams: [{ name: a, base_url: http://ann:s3cret@a }]", 'wrong "base_url" in entry 1'],
    ["upstreams: [{ name: a, dialect: vlm }]", 'wrong "dialect" in entry 1'],
    ["upstreams: [{ base_url: http://a }]", 'no "name" in entry 1'],
    ["upstreams: [{ name: A, models: [a b] }]", 'wrong "name" in entry 1, wrong "models" in entry 1'],
    ["upstreams: [s3cret]", "entry 1 is wrong"],
    ["qwen_accounts: [{ alias: a, tokn: s3cret }]", 'unknown key "tokn" in entry 1'],
    ["qwen_accounts: [{ alias: a, token: t }, { alias: b }]", "no credentials in entry 2"],
    ["model_routes: { a: b, c: [1] }", 'wrong "c"'],
    ['model_routes: { "a*b": c }', 'wrong "a*b"'],
    ['model_routes: { "gpu-*": "gpu/*" }', 'wrong "gpu-*"'],
    ['model_routes: { "gpu-*": ["gpu/", "gpu/*"] }', 'wrong "gpu-*"'],
    ['qwen_headers: { "bx-v": [s3cret] }', 'wrong "bx-v"'],
    ['qwen_headers: { ":authority": s3cret, bx-v: a, "b c": s3cret }', 'wrong ":authority", wrong "b c"'],
    ['qwen_accounts: [{ alias: a, headers: { "b:": s3cret } }]', 'wrong "headers" in entry 1'],
    ['upstreams: [{ name: a, base_url: http://a, headers: { "": s3cret } }]', 'wrong "headers" in entry 1'],
    [
      "upstreams: [{ name: a, base_url: http://a, headers: { Transfer-Encoding: chunked } }]",
      'wrong "headers" in entry 1',
    ],
    ["mcp_servers: { files: { command: a, env: { TOKEN: [s3cret] } } }", 'wrong "env" in "files"'],
    ["mcpServers: { files: { command: [s3cret] } }", 'wrong "command" in "files"'],
  ];
  for (const [text, detail] of entries) {
    test(`loadConfig tells what is wrong within ${text}`, () => {
      const [problem, ...more] = problemsOf({ file: yaml(text) });

      expect(problem).toContain(` in the config file: ${detail}; it must be `);
      expect(problem).not.toContain("s3cret");
      expect(more).toEqual([]);
    });
  }

  test.each([
    ["api_key: 12345678", "api_key"],
    ["api_key: [abcdefgh, 0123]", "api_key"],
    ["qwen_token: 1e9", "qwen_token"],
    ["default_model: 5", "default_model 5"],
    ["host: true", "host true"],
  ])("loadConfig says that quotes are missing in %s", (text, told) => {
    const [problem] = problemsOf({ file: yaml(text) });

    expect(problem).toStartWith(`Cannot use ${told} in the config file: it must be `);
    expect(problem).toEndWith("; what YAML takes for a number or a truth value has to stand in quotes");
  });

  test("loadConfig says of a truth value in quotes that they are in the way", () => {
    expect(problemsOf({ file: yaml('insecure: "true"') })).toEqual([
      'Cannot use insecure "true" in the config file: it must be "true" or "false"; write it without quotes',
    ]);
  });

  test("loadConfig lists every problem at once, each under the name that was used", () => {
    const sources = {
      environment: { ...HOME, PORT: "x" },
      flags: { "log-level": "loud" },
      file: yaml("stream: maybe\nprot: 1"),
    };

    expect(problemsOf(sources)).toEqual([
      'Unknown key "prot" in config file "gateway.yaml": did you mean port?',
      'Cannot use PORT "x": it must be a whole number from 0 to 65535',
      'Cannot use stream "maybe" in the config file: it must be "true" or "false"',
      'Cannot use --log-level "loud": it must be one of "debug", "info", "warn", "error", "silent"',
    ]);
  });

  test("loadConfig judges the value that wins and not the one that it hides", () => {
    expect(load({ environment: { ...HOME, PORT: "x" }, flags: { port: "1" } }).config.port).toBe(1);
  });

  test("loadConfig names unknown flags and keys with the nearest known name, and ignores unknown variables", () => {
    expect(problemsOf({ flags: { "api-kye": "k" } })).toEqual(["Unknown flag --api-kye: did you mean --api-key?"]);
    expect(problemsOf({ file: yaml("PORT: 1") })).toEqual([
      'Unknown key "PORT" in config file "gateway.yaml": did you mean port?',
    ]);
    expect(problemsOf({ file: yaml("__proto__: 1\nconstructor: 2") })).toEqual([
      'Unknown key "__proto__" in config file "gateway.yaml"',
      'Unknown key "constructor" in config file "gateway.yaml"',
    ]);
    expect(problemsOf({ file: yaml("completely_different: 1") })).toEqual([
      'Unknown key "completely_different" in config file "gateway.yaml"',
    ]);
    expect(problemsOf({ environment: { ...HOME, PROT: "1" } })).toEqual([]);
  });

  test.each([
    { text: "port: 1\n\tstream: true\n", line: 2 },
    { text: "port: 1\napi_key: [a,\n  b]\nhost: 'a\nstream: true\n", line: 4 },
    { text: "port: 1\napi_key: [a\nstream: true\n", line: 2 },
    { text: "port: [", line: 1 },
  ])("loadConfig names the line $line where what is no YAML begins", ({ text, line }) => {
    expect(problemsOf({ file: yaml(text) })[0]).toMatch(
      new RegExp(`^Cannot read config file "gateway.yaml": .*, in line ${line}$`),
    );
  });

  test("loadConfig refuses a key that stands twice, of which YAML's parser here takes the last", () => {
    const text = "api_key: abcdefgh\nport: 1 # api_key: no\n'port' : 2\nqwen_cookies: |\n  port: 3\n\"api_key\": x\n";

    expect(problemsOf({ file: yaml(text) })).toEqual([
      'Key "port" stands twice in config file "gateway.yaml", in lines 2 and 3: write it once',
      'Key "api_key" stands twice in config file "gateway.yaml", in lines 1 and 6: write it once',
    ]);
    expect(problemsOf({ file: yaml("mcp_servers: {}\nmcpServers: {}\n") })).toEqual([
      'Key "mcp_servers" stands twice in config file "gateway.yaml", in lines 1 and 2: write it once',
    ]);
  });

  test("loadConfig takes what only looks like a key that stands twice", () => {
    const text =
      "# port: 1\nport: 2\nqwen_cookies: |\n  port: 3\nupstreams:\n- {name: a, base_url: http://a}\n- name: b\n  base_url: http://b\nmodel_routes: { port: a }\n";

    expect(problemsOf({ file: yaml(text) })).toEqual([]);
    const json = '# JSON is YAML\n{\n"port": 2,\n"model_routes": {\n"port": "a"\n}\n}\n';
    expect(problemsOf({ file: yaml(json) })).toEqual([]);
  });

  test("loadConfig refuses a file that is no mapping or no YAML by its path", () => {
    for (const text of ["- a\n- b", "just words", "a: [1\nb: 2"]) {
      expect(problemsOf({ file: yaml(text) }).join()).toStartWith('Cannot read config file "gateway.yaml": ');
    }
    expect(problemsOf({ file: yaml("") })).toEqual([]);
    expect(problemsOf({ file: yaml("# nothing yet\n") })).toEqual([]);
  });

  test("loadConfig bounds what it echoes", () => {
    const [problem] = problemsOf({ environment: { ...HOME, PORT: "9".repeat(5000) } });

    expect(problem?.length).toBeLessThan(250);
  });

  test("loadConfig survives any text of a variable: it loads it or says that it cannot", () => {
    const name = fc.constantFrom(...listSettings().map((setting) => setting.environmentName));
    fc.assert(
      fc.property(name, fc.string({ unit: "binary" }), (environmentName, text) => {
        const problems = problemsOf({ environment: { ...HOME, [environmentName]: text } });
        for (const problem of problems) expect(problem).toStartWith(`Cannot use ${environmentName}`);
      }),
      { numRuns: 300 },
    );
  });
});
