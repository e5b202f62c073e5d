// Perl has the same calls built in, so it plays the other side: each kind of object, both ways.
import { assertEquals } from "@std/assert";
import { MessageQueue } from "../../../ffi/objects/message_queue.ts";
import { SemaphoreSet } from "../../../ffi/objects/semaphore_set.ts";
import { SharedMemory } from "../../../ffi/objects/shared_memory.ts";
import { freshKey, perl, perlInBackground } from "../../_peers.ts";
import { needs } from "../../needs.ts";

needs("perl")("Perl reads what SharedMemory writes, and the other way round", async () => {
  const key = freshKey();
  using segment = SharedMemory.create(27, { key, mode: 0o666 });
  segment.writeString("from Deno");
  const read = await perl(
    `$id = shmget($ARGV[0], 27, 0666) // die $!; shmread($id, $buf, 0, 27) or die $!;
     shmwrite($id, "from Perl\\0", 10, 10) or die $!; print $id, " ", $buf =~ s/\\0.*//sr`,
    key,
  );
  assertEquals(read, `${segment.id} from Deno`);
  assertEquals([segment.readString(10), segment.readString()], ["from Perl", "from Deno"]);
});

needs("perl")("SharedMemory opens what Perl made", async () => {
  const key = freshKey();
  await perl(
    `$id = shmget($ARGV[0], 100, 03640) // die $!; shmwrite($id, "made by Perl\\0", 0, 13) or die $!`,
    key,
  );
  using segment = SharedMemory.open(key);
  try {
    assertEquals([segment.readString(), segment.size, segment.mode], ["made by Perl", 100, 0o640]);
    using reader = SharedMemory.open(key, { readOnly: true });
    assertEquals(reader.readString(), "made by Perl");
  } finally {
    segment.remove();
  }
});

needs("perl")("Perl receives what MessageQueue sends, and the other way round", async () => {
  const key = freshKey();
  using queue = MessageQueue.create({ key, mode: 0o666 });
  await using peer = perlInBackground(
    `$id = msgget($ARGV[0], 0666) // die $!;
     msgrcv($id, $buf, 128, 5, 0) or die $!; ($type, $text) = unpack("q a*", $buf);
     msgsnd($id, pack("q a*", 2 ** 40, "$type:" . length($text) . ":" . $text), 0) or die $!;
     msgrcv($id, $buf, 8192, 6, 0) or die $!; print length($buf) - 8`,
    key,
  );
  queue.sendSync("not for Perl", { type: 4 });
  await queue.send("Did you get this?\0", { type: 5 });
  const answer = await queue.receive({ type: 2 ** 40 });
  assertEquals([answer.type, answer.text], [2 ** 40, "5:18:Did you get this?"]);
  queue.sendSync(new Uint8Array(5000), { type: 6 });
  assertEquals((await peer.end()).stdout, "5000");
  assertEquals(queue.receiveSync().text, "not for Perl");
});

needs("perl")("MessageQueue opens what Perl made", async () => {
  const key = freshKey();
  await perl(
    `$id = msgget($ARGV[0], 03600) // die $!; msgsnd($id, pack("q a*", $_, "message $_"), 0) or die $! for 3, 1, 2`,
    key,
  );
  using queue = MessageQueue.open(key);
  try {
    assertEquals(queue.messageCount, 3);
    assertEquals(queue.receiveSync({ type: -9 }).text, "message 1");
    assertEquals((await queue.receive()).text, "message 3");
    assertEquals(queue.tryReceive({ type: 2 })!.text, "message 2");
  } finally {
    queue.remove();
  }
});

needs("perl")("SemaphoreSet and Perl hand a turn to and fro", async () => {
  const key = freshKey();
  using set = SemaphoreSet.create([0, 0], { key, mode: 0o666 });
  await using peer = perlInBackground(
    `$id = semget($ARGV[0], 2, 0666) // die $!;
     for (1 .. 3) { semop($id, pack("s3", 0, -1, 0)) or die $!; semop($id, pack("s3", 1, 1, 0)) or die $! }
     print "done"`,
    key,
  );
  for (let turn = 0; turn < 3; turn++) {
    set.release(0);
    if (turn === 1) set.acquireSync(1);
    else await set.acquire(1);
  }
  assertEquals((await peer.end()).stdout, "done");
  assertEquals(set.values, [0, 0]);
});

needs("perl")("SemaphoreSet opens what Perl made, and Perl sees its values", async () => {
  const key = freshKey();
  await perl(
    `$id = semget($ARGV[0], 3, 03600) // die $!; semctl($id, 0, 17, pack("S3", 1, 2, 3)) or die $!;
     semop($id, pack("s6", 0, 1, 0, 1, -1, 0)) or die $!`,
    key,
  );
  using set = SemaphoreSet.openSync(key);
  try {
    assertEquals(set.values, [2, 1, 3]);
    set.setValues([7, 8, 9]);
    const seen = await perl(
      `semctl($ARGV[0], 0, 13, $all) or die $!; print join ",", unpack("S3", $all)`,
      set.id,
    );
    assertEquals(seen, "7,8,9");
  } finally {
    set.remove();
  }
});

needs("perl")("A lock keeps Perl out", async () => {
  using set = SemaphoreSet.create([1]);
  const lock = await set.lock(0);
  await using peer = perlInBackground(
    `semop($ARGV[0], pack("s3", 0, -1, 0x1000)) or die $!; print "in"`,
    set.id,
  );
  await peer.ready(() => set.getWaitingForIncrease(0) === 1, "Perl waits");
  assertEquals(peer.stdout, "");
  lock[Symbol.dispose]();
  assertEquals((await peer.end()).stdout, "in");
  assertEquals(set.values, [1], "given back at Perl's end");
});
