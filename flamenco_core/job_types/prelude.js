// The world that a job type in JavaScript finds: the globals and objects of Flamenco 3.
//
// Runs first in a fresh context, with `flamencoHost` as a global: a function that carries out
// what Python knows how to do, with JSON text in both directions. The last expression is the
// function that describes the job type or compiles a job; it answers with JSON text, too.
(() => {
  "use strict";

  const host = globalThis.flamencoHost;
  delete globalThis.flamencoHost;

  // Scripts may replace these; what stands here goes on using the true ones.
  const { parse, stringify } = JSON;
  const evaluate = globalThis.eval;
  const OutOfMemory = InternalError;

  // The problems that Python found, by the error that tells a script of them.
  const problemsOf = new WeakMap();

  function ask(name, ...values) {
    const answer = parse(host(name, stringify(values)));
    if (!("error" in answer)) {
      return answer.result;
    }
    const error = new Error(answer.error);
    problemsOf.set(error, answer.problems);
    throw error;
  }

  const { defaultPriority, platform, file: scriptFile } = ask("constants");

  function shown(value) {
    if (typeof value === "string" || value instanceof Error) {
      return String(value);
    }
    try {
      return stringify(value) ?? String(value);
    } catch {
      return String(value);
    }
  }

  function wholeNumber(value) {
    return Math.trunc(Number(value)) || 0;
  }

  // What is handed over is taken as it is at that moment; later changes do not reach it.
  function snapshot(value, ancestors = []) {
    if (value === null || typeof value !== "object" || value instanceof Date) {
      return value;
    }
    if (ancestors.includes(value)) {
      throw new TypeError("parameters cannot contain themselves");
    }
    const path = [...ancestors, value];
    if (Array.isArray(value)) {
      return value.map((item) => snapshot(item, path));
    }
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, snapshot(item, path)]));
  }

  let spareIds = [];

  function newId() {
    if (spareIds.length === 0) {
      spareIds = ask("newIds", 100);
    }
    return spareIds.pop();
  }

  class AuthoredCommand {
    constructor(name, parameters, totalStepCount) {
      this.name = name;
      this.parameters = parameters;
      this.totalStepCount = totalStepCount;
    }
  }

  class AuthoredTask {
    constructor(name, type) {
      this.uUID = newId();
      this.name = name;
      this.type = type;
      this.priority = defaultPriority;
      this.commands = [];
      this.dependencies = [];
    }

    addCommand(command) {
      if (!(command instanceof AuthoredCommand)) {
        throw new TypeError("addCommand wants a command, made by author.Command(…)");
      }
      const { name, parameters, totalStepCount } = command;
      this.commands.push(new AuthoredCommand(name, parameters, totalStepCount));
    }

    addDependency(task) {
      if (!(task instanceof AuthoredTask)) {
        throw new TypeError("addDependency wants a task, made by author.Task(…)");
      }
      this.dependencies.push(task);
    }
  }

  class AuthoredJob {
    constructor({ createdMilliseconds, ...fields }) {
      Object.assign(this, fields);
      this.created = new Date(createdMilliseconds);
      this.tasks = [];
    }

    addTask(task) {
      if (!(task instanceof AuthoredTask)) {
        throw new TypeError("addTask wants a task, made by author.Task(…)");
      }
      const copy = Object.assign(Object.create(AuthoredTask.prototype), task);
      copy.commands = [...task.commands];
      copy.dependencies = [...task.dependencies];
      this.tasks.push(copy);
    }
  }

  // Functions, not classes: scripts of Flamenco 3 call them with and without `new`.
  const author = {
    Task: function (name, type) {
      const [taskName, taskType] = [name, type].map((text) => String(text ?? "").trim());
      if (!taskName || !taskType) {
        throw new Error(`author.Task wants a name and a type, not ${shown(name)} and ${shown(type)}`);
      }
      return new AuthoredTask(taskName, taskType);
    },
    Command: function (name, parameters, totalStepCount) {
      const commandName = String(name ?? "").trim();
      if (!commandName) {
        throw new Error("author.Command wants a name");
      }
      return new AuthoredCommand(commandName, snapshot(parameters ?? {}), totalStepCount ?? 0);
    },
  };

  const path = {
    basename: (text) => ask("basename", String(text)),
    dirname: (text) => ask("dirname", String(text)),
    join: (...texts) => ask("join", ...texts.map(String)),
    stem: (text) => ask("stem", String(text)),
  };

  const process = { platform, cwd: () => ask("cwd") };

  const modules = new Map(Object.entries({ author, path, process }).map(
    ([name, exports]) => [name, { exports }],
  ));

  function requireFrom(file) {
    return function require(name) {
      if (modules.has(name)) {
        return modules.get(name).exports;
      }
      const found = ask("find", String(name), file);
      if (!modules.has(found.file)) {
        modules.set(found.file, { exports: {} });
        try {
          load(found, modules.get(found.file));
        } catch (error) {
          modules.delete(found.file);
          throw error;
        }
      }
      return modules.get(found.file).exports;
    };
  }

  function load({ file, folder, source, linesBefore }, module) {
    if (file.endsWith(".json")) {
      try {
        module.exports = parse(source);
      } catch (error) {
        throw new SyntaxError(`${file}: ${error.message}`);
      }
      return;
    }
    // Each module has line numbers of its own, so that errors can be traced to their file.
    const opening = "(function (exports, require, module, __filename, __dirname) {";
    const run = evaluate(`${"\n".repeat(linesBefore)}${opening}${source}\n})`);
    run.call(module.exports, module.exports, requireFrom(file), module, file, folder);
  }

  Object.assign(globalThis, {
    print: (...values) => ask("print", values.map(shown).join(" ")),
    alert: (...values) => ask("alert", values.map(shown).join(" ")),
    frameChunker: (frames, size) => ask("frameChunker", String(frames), wholeNumber(size)),
    frameCount: (frames) => ask("frameCount", String(frames)),
    formatTimestampLocal: (time) => {
      const milliseconds = new Date(time).getTime();
      if (Number.isNaN(milliseconds)) {
        throw new TypeError(`formatTimestampLocal wants a time, not ${shown(time)}`);
      }
      return ask("formatTimestampLocal", milliseconds);
    },
    shellSplit: (text) => ask("shellSplit", String(text)),
    author,
    path,
    process,
    require: requireFrom(scriptFile),
  });

  function refuseStrangeNumbers(key, value) {
    if (typeof value === "number" && !Number.isFinite(value)) {
      throw new TypeError(`“${key}” is ${value}, which is not a number that can be sent`);
    }
    return value;
  }

  function described() {
    const kinds = evaluate("[typeof JOB_TYPE, typeof compileJob]");
    if (kinds[0] !== "object" || evaluate("JOB_TYPE") === null) {
      throw new TypeError("JOB_TYPE is not an object");
    }
    if (kinds[1] !== "function") {
      throw new TypeError("compileJob is not a function");
    }
    return evaluate("JOB_TYPE");
  }

  function taskAsData(task) {
    if (!(task instanceof AuthoredTask)) {
      throw new TypeError("job.tasks holds something other than tasks");
    }
    if (![task.commands, task.dependencies].every(Array.isArray)) {
      throw new TypeError(`commands of the task “${task.name}” are no list, or its dependencies`);
    }
    return {
      id: task.uUID,
      name: task.name,
      type: task.type,
      priority: task.priority,
      commands: task.commands,
      dependencies: task.dependencies.map((other) => [other.uUID, other.name]),
    };
  }

  function compiled(submitted) {
    const job = new AuthoredJob(submitted);
    evaluate("compileJob")(job);
    return {
      name: job.name,
      priority: job.priority,
      workerTagUUID: job.workerTagUUID,
      settings: job.settings,
      metadata: job.metadata,
      tasks: (Array.isArray(job.tasks) ? job.tasks : [job.tasks]).map(taskAsData),
    };
  }

  function failure(error) {
    // It is null when there was no memory left for an error.
    if (error === null || (error instanceof OutOfMemory && error.message === "out of memory")) {
      return { outOfMemory: true };
    }
    if (!(error instanceof Error)) {
      return { error: shown(error), stack: "", problems: [] };
    }
    // Thrown errors mostly carry a sentence; JavaScript's own ones are clearer with their kind.
    const text = error.name === "Error" ? error.message : `${error.name}: ${error.message}`;
    return { error: text, stack: String(error.stack), problems: problemsOf.get(error) ?? [] };
  }

  return (task, argument) => {
    try {
      switch (task) {
        case "describe":
          return stringify({ result: described() }, refuseStrangeNumbers);
        default:
          return stringify({ result: compiled(parse(argument)) }, refuseStrangeNumbers);
      }
    } catch (error) {
      return stringify(failure(error));
    }
  };
})();
