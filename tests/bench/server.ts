/** The same exchange without a process for each connection, as a Deno program would do it. */
const encoder = new TextEncoder();

async function handle(connection: Deno.Conn): Promise<void> {
  using _ = connection;
  const buffer = new Uint8Array(255);
  const n = await connection.read(buffer) ?? 0;
  console.log(`Here is the message: ${new TextDecoder().decode(buffer.subarray(0, n))}`);
  await connection.write(encoder.encode("I got your message"));
}

for await (const connection of Deno.listen({ port: Number(Deno.args[0]) })) handle(connection);
