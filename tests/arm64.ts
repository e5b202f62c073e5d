/**
 * Runs the tests on arm64. Where the machine is another, Deno for arm64 is emulated by qemu, and the kernel is the
 * machine's: what structures, constants, numbers of system calls and machine code have to be on arm64 is tested all the
 * same. What the emulator cannot do, _emulated.ts names.
 *
 *     deno task test:arm64                      # the tests of ffi/ and of the slides' scripts
 *     deno task test:arm64 tests/ffi/objects    # these files and directories, from the root of the checkout
 *
 * An emulated start takes seconds, and a program that forks starts twice: all of it is a matter of hours. So it goes
 * file by file and says how each ended; a file that doesn't end is killed.
 *
 * @module
 */
import { unable } from "./_emulated.ts";
import { SKIPPED, works } from "./needs.ts";
import { MACHINE, root, until } from "./support.ts";

const LIMIT = 60; // minutes for a file
const DEFAULT = ["tests/ffi", ...slides()];
const SYSROOT = "/usr/aarch64-linux-gnu"; // as Debian, Fedora and Arch have it
/** ELF, 64 bits, little-endian, any ABI; a program (2, or 3 if it can be anywhere); for arm64 (0xb7). */
const ARM64 = String.raw`\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00`;
const MASK = String.raw`\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff`;

function slides(): string[] {
  const names = [...Deno.readDirSync(`${root}tests/scripts`)].filter(({ isFile }) => isFile).map(({ name }) => name);
  return names.filter((name) => name.endsWith("_test.ts")).sort().map((name) => `tests/scripts/${name}`);
}

/** The files of tests in a directory, or the file itself. */
function files(path: string): string[] {
  if (!Deno.statSync(path).isDirectory) return [path];
  const entries = [...Deno.readDirSync(path)].map((entry) => ({ ...entry, path: `${path}/${entry.name}` }));
  return entries.toSorted((a, b) => a.path < b.path ? -1 : 1).flatMap(({ name, path, isDirectory }) =>
    isDirectory ? files(path) : name.endsWith("_test.ts") ? [path] : []
  );
}

/**
 * What makes programs for arm64 programs like any other, for what is in these namespaces: a registration with
 * binfmt_misc, of which each user namespace may have its own, since Linux 6.7. The interpreter is a script, as the
 * sysroot has to be known also to programs that are started without an environment.
 */
const REGISTER = `mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc || exit
printf %s ':arm64:M::${ARM64}:${MASK}:'"$0"/qemu:P > /proc/sys/fs/binfmt_misc/register || exit`;
const INTERPRETER = `#!/bin/sh
program=$1 name=$2
shift 2
exec qemu-aarch64 -L ${SYSROOT} -0 "$name" "$program" "$@"
`;
/** What tests compile shares memory with Deno, and tells what structures are like: it has to be for arm64, too. */
const COMPILER = `#!/bin/sh
exec aarch64-linux-gnu-gcc "$@"
`;

/**
 * Starts a command in namespaces in which programs for arm64 run. One of processes is among them, so that a file that
 * hangs can be ended with all that it has started. Only root may register anything, so that others are that for as
 * long; who is root stays it with all users beside him, which has to be said from outside.
 */
async function emulate(directory: string, args: string[], env: Record<string, string>): Promise<Deno.ChildProcess> {
  const isRoot = Deno.uid() === 0;
  const again = isRoot ? "" : `unshare --user --map-user=${Deno.uid()} --map-group=${Deno.gid()} `;
  const script = `until grep -q . /proc/self/uid_map; do sleep 0.01; done\n${REGISTER}\n${again}"$@"\nexit $?`;
  const users = isRoot ? ["--user"] : ["--user", "--map-root-user"];
  const child = new Deno.Command("unshare", {
    args: [
      ...users,
      "--mount",
      "--pid",
      "--mount-proc",
      "--fork",
      "--kill-child",
      "sh",
      "-c",
      script,
      directory,
      ...args,
    ],
    env,
    stdin: "null",
  }).spawn();
  let ended = false;
  child.status.then(() => ended = true);
  for (const map of isRoot ? ["gid_map", "uid_map"] : []) {
    const all = Deno.readTextFileSync(`/proc/self/${map}`).trim().split("\n").map((line) => line.trim().split(/\s+/));
    const same = all.map(([first, , count]) => `${first} ${first} ${count}\n`).join("");
    await until(() => {
      try {
        Deno.writeTextFileSync(`/proc/${child.pid}/${map}`, same);
        return true;
      } catch {
        return ended; // it is not in its namespace yet
      }
    }, `there is a ${map}`);
  }
  return child;
}

function there(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** What is missing here to emulate arm64, in a sentence each. */
function missing(): string[] {
  if (Deno.build.os !== "linux") {
    return [`tests of arm64 need Linux, on an arm64 or an x86-64 machine; this is ${Deno.build.os}`];
  }
  const lacks: [boolean, string][] = [
    [works("qemu-aarch64", "--version"), "there is no qemu-aarch64: install the package qemu-user"],
    [
      there(`${SYSROOT}/lib/ld-linux-aarch64.so.1`),
      `there is no C library for arm64 in ${SYSROOT}: install the package libc6-arm64-cross`,
    ],
    [
      there(`${SYSROOT}/lib/libgcc_s.so.1`),
      `there is no libgcc for arm64 in ${SYSROOT}: install the package libgcc-s1-arm64-cross`,
    ],
    [works("unshare", "--version"), "there is no unshare: install the package util-linux"],
  ];
  return lacks.filter(([there]) => !there).map(([, says]) => says);
}

function fail(...lines: string[]): never {
  for (const line of lines) console.error(line);
  Deno.exit(1);
}

/** The program of the same version for arm64, which Deno's package for npm has in a package of its own. */
function download(): string {
  const wanted = `npm:@deno/linux-arm64-glibc@${Deno.version.deno}`;
  const { success, stdout, stderr } = new Deno.Command(Deno.execPath(), {
    args: ["info", "--no-config", "--no-lock", "--json", wanted],
  }).outputSync();
  if (!success) fail(`Deno ${Deno.version.deno} for arm64 is not to be had: ${new TextDecoder().decode(stderr)}`);
  const [found] = Object.values<{ localPath: string }>(JSON.parse(new TextDecoder().decode(stdout)).npmPackages);
  return `${found.localPath}/deno`;
}

/**
 * Makes ready what is needed, which may have to be downloaded, and gates shut the network out. Some tests play other
 * users: they, too, have to find the program.
 */
async function outside(paths: string[]): Promise<number> {
  for (const path of paths) if (!there(path)) fail(`there is no ${path}`);
  if (Deno.build.os === "linux" && Deno.build.arch === "aarch64") return await gate("", paths);
  const lacks = missing();
  if (lacks.length > 0) fail(...lacks);
  const program = download();
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_arm64_" });
  try {
    Deno.umask(0o022);
    Deno.chmodSync(directory, 0o755);
    Deno.copyFileSync(program, `${directory}/deno`);
    Deno.writeTextFileSync(`${directory}/qemu`, INTERPRETER, { mode: 0o755 });
    Deno.mkdirSync(`${directory}/bin`);
    Deno.writeTextFileSync(`${directory}/bin/cc`, COMPILER, { mode: 0o755 });
    return await gate(directory, paths);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

async function gate(directory: string, paths: string[]): Promise<number> {
  const inside = ["deno", "run", "--allow-all", `${root}tests/arm64.ts`, "--inside", directory, ...paths];
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", `${root}tests/gate.ts`, "--", ...inside],
  }).spawn();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => {
      try {
        child.kill(signal);
      } catch { /* it has ended */ }
    });
  }
  return (await child.status).code;
}

/** Runs a file's tests, and tells how they ended. */
async function test(file: string, directory: string | undefined): Promise<string> {
  const args = ["test", "--allow-all", "--no-check", "--v8-flags=--single-threaded"];
  let child: Deno.ChildProcess;
  if (directory === undefined) {
    child = new Deno.Command(Deno.execPath(), { args: [...args, file], stdin: "null" }).spawn();
  } else {
    const emulated = [`${directory}/deno`, ...args, "--preload", `${root}tests/_emulated.ts`, file];
    child = await emulate(directory, emulated, {
      [MACHINE]: Deno.build.arch,
      PATH: `${directory}/bin:${Deno.env.get("PATH")}`,
      DENO_NO_UPDATE_CHECK: "1",
    });
  }
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, LIMIT * 60_000);
  const { code } = await child.status;
  clearTimeout(timer);
  if (late) return `has not ended after ${LIMIT} minutes`;
  if (code !== 0) return `failed with exit code ${code}`;
  const skipped = Deno.readTextFileSync(Deno.env.get(SKIPPED)!);
  const left = directory === undefined ? [] : [...unable(file).keys()];
  const unknown = left.map((name) => JSON.stringify(name)).filter((name) => !skipped.includes(name));
  return unknown.length === 0 ? "passed" : `has no test ${unknown.join(", ")}, which _emulated.ts leaves out`;
}

/** Runs the tests, in the gate. */
async function inside(directory: string | undefined, paths: string[]): Promise<number> {
  if (
    directory !== undefined &&
    !(await (await emulate(directory, [`${directory}/deno`, "--version"], {})).status).success
  ) {
    fail(
      "arm64 cannot be emulated here: that takes user namespaces with a binfmt_misc of their own, as Linux 6.7 has them",
    );
  }
  const ended: [file: string, how: string][] = [];
  for (const file of paths.flatMap(files)) {
    const start = Date.now();
    const how = await test(file, directory);
    ended.push([file, how]);
    console.log(`${file} ${how}, ${Math.round((Date.now() - start) / 1000)} s`);
  }
  const bad = ended.filter(([, how]) => how !== "passed");
  console.log(`\n${ended.length - bad.length} of ${ended.length} files passed`);
  for (const [file, how] of bad) console.log(`${file} ${how}`);
  return bad.length === 0 && ended.length > 0 ? 0 : 1;
}

Deno.chdir(root);
if (Deno.args[0] === "--inside") Deno.exit(await inside(Deno.args[1] || undefined, Deno.args.slice(2)));
// as the files are named in _emulated.ts
const given = Deno.args.map((path) => new URL(path, `file://${root}`).pathname.slice(root.length).replace(/\/+$/, ""));
Deno.exit(await outside(given.length > 0 ? given : DEFAULT));
