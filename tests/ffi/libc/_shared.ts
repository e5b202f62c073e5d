/**
 * Shared memory with a semaphore, a mutex and a condition in it, and a C program that uses them.
 *
 * @module
 */
import * as ipc from "../../../mod.ts";
import { compile, Program } from "../../support.ts";

/** Where in the memory things lie: the C program knows it, too. */
export const AT = { sem: 0, mutex: 64, cond: 128, counter: 192, flag: 196, word: 200 };

const SOURCE = `
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int fd = shm_open(argv[1], O_RDWR, 0);
    char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    sem_t *sem = (sem_t *)(memory + ${AT.sem});
    pthread_mutex_t *mutex = (pthread_mutex_t *)(memory + ${AT.mutex});
    pthread_cond_t *cond = (pthread_cond_t *)(memory + ${AT.cond});
    volatile int *counter = (int *)(memory + ${AT.counter}), *flag = (int *)(memory + ${AT.flag});
    int *word = (int *)(memory + ${AT.word});
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 2; i < argc; i++) {
        if (!strcmp(argv[i], "make")) {
            pthread_mutexattr_t ma;
            pthread_condattr_t ca;
            pthread_mutexattr_init(&ma);
            pthread_mutexattr_setpshared(&ma, PTHREAD_PROCESS_SHARED);
            pthread_mutexattr_setrobust(&ma, PTHREAD_MUTEX_ROBUST);
            pthread_condattr_init(&ca);
            pthread_condattr_setpshared(&ca, PTHREAD_PROCESS_SHARED);
            printf("%d %d %d\\n", sem_init(sem, 1, 3), pthread_mutex_init(mutex, &ma), pthread_cond_init(cond, &ca));
        } else if (!strcmp(argv[i], "wait"))
            printf("wait %d\\n", sem_wait(sem));
        else if (!strcmp(argv[i], "post"))
            sem_post(sem);
        else if (!strcmp(argv[i], "posts"))
            for (int n = 0; n < 5000; n++) {
                sem_post(sem);
                if (n % 16 == 0) usleep(20);
            }
        else if (!strcmp(argv[i], "lock"))
            printf("lock %d\\n", pthread_mutex_lock(mutex));
        else if (!strcmp(argv[i], "unlock"))
            printf("unlock %d\\n", pthread_mutex_unlock(mutex));
        else if (!strcmp(argv[i], "consistent"))
            printf("consistent %d\\n", pthread_mutex_consistent(mutex));
        else if (!strcmp(argv[i], "read")) {
            char c;
            printf("ready\\n");
            if (read(0, &c, 1) < 0) return 1;
        } else if (!strcmp(argv[i], "count"))
            for (int n = 0; n < 20000; n++) {
                pthread_mutex_lock(mutex);
                ++*counter;
                pthread_mutex_unlock(mutex);
            }
        else if (!strcmp(argv[i], "until")) {
            pthread_mutex_lock(mutex);
            while (*flag == 0) pthread_cond_wait(cond, mutex);
            printf("flag %d\\n", *flag);
            pthread_mutex_unlock(mutex);
        } else if (!strcmp(argv[i], "set")) {
            pthread_mutex_lock(mutex);
            *flag = 7;
            pthread_cond_broadcast(cond);
            pthread_mutex_unlock(mutex);
        } else if (!strcmp(argv[i], "notify")) {
            pthread_mutex_lock(mutex);
            *flag = 7;
            pthread_mutex_unlock(mutex);
            __atomic_fetch_add(word, 1, __ATOMIC_SEQ_CST);
            syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
        } else if (!strcmp(argv[i], "futex-wait"))
            while (__atomic_load_n(word, __ATOMIC_SEQ_CST) == 0) syscall(SYS_futex, word, FUTEX_WAIT, 0, NULL, NULL, 0);
        else if (!strcmp(argv[i], "futex-wake")) {
            __atomic_store_n(word, 1, __ATOMIC_SEQ_CST);
            syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
        }
    }
    return 0;
}
`;

let program: string | undefined;

/** A page of shared memory that has a name, and what lies in it. */
export class Shared implements Disposable {
  readonly name = `/ipc_playground_${Deno.pid}_${crypto.randomUUID().slice(0, 8)}`;
  readonly memory: Uint8Array<ArrayBuffer>;
  readonly sem: ipc.sem_t;
  readonly mutex: ipc.pthread_mutex_t;
  readonly cond: ipc.pthread_cond_t;
  readonly numbers: Int32Array<ArrayBuffer>;

  constructor() {
    const fd = ipc.shm_open(this.name, ipc.O_RDWR | ipc.O_CREAT | ipc.O_EXCL);
    ipc.ftruncate(fd, 4096);
    this.memory = ipc.mmap(null, 4096, 3, ipc.MAP_SHARED, fd);
    ipc.close(fd);
    this.sem = new ipc.sem_t(this.memory, AT.sem);
    this.mutex = new ipc.pthread_mutex_t(this.memory, AT.mutex);
    this.cond = new ipc.pthread_cond_t(this.memory, AT.cond);
    this.numbers = new Int32Array(this.memory.buffer);
  }

  /** Makes all three, for all processes; the mutex is robust unless another kind is asked for. */
  make(type: number = ipc.PTHREAD_MUTEX_NORMAL, robust: number = ipc.PTHREAD_MUTEX_ROBUST): this {
    const attr = new ipc.pthread_mutexattr_t();
    ipc.pthread_mutexattr_init(attr);
    ipc.pthread_mutexattr_setpshared(attr, ipc.PTHREAD_PROCESS_SHARED);
    ipc.pthread_mutexattr_settype(attr, type);
    ipc.pthread_mutexattr_setrobust(attr, robust);
    ipc.pthread_mutex_init(this.mutex, attr);
    ipc.pthread_mutexattr_destroy(attr);
    const condattr = new ipc.pthread_condattr_t();
    ipc.pthread_condattr_init(condattr);
    ipc.pthread_condattr_setpshared(condattr, ipc.PTHREAD_PROCESS_SHARED);
    ipc.pthread_cond_init(this.cond, condattr);
    ipc.sem_init(this.sem, 1, 0);
    return this;
  }

  /** Runs the C program on it. */
  async peer(...deeds: string[]): Promise<Program> {
    if (program === undefined) {
      const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
      globalThis.addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));
      await compile(SOURCE, `${directory}/peer`);
      program = `${directory}/peer`;
    }
    return new Program(program, [this.name, ...deeds], { stdin: "open" });
  }

  [Symbol.dispose](): void {
    ipc.munmap(this.memory);
    ipc.shm_unlink(this.name);
  }
}
