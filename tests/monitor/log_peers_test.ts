import { startSimulator } from "../../src/simulator/simulator.ts";
import { freePort, PEER_KEY, startPeered } from "../support/peered.ts";
import { until } from "../support/until.ts";
import { logLines, startLogging, withFolder } from "./process.ts";

Deno.test("the log tells when a peer is up, and why it is away", () =>
  withFolder(async (folder) => {
    await using simulator = await startSimulator({ speed: 20 });
    const [own, other] = [freePort(), freePort()];
    const name = `http://127.0.0.1:${other}`;
    Deno.writeTextFileSync(
      `${folder}/servers.toml`,
      `[servers]\nservers = [{ url = "${simulator.url}" }]\n` +
        `[admin]\nlisten = "127.0.0.1:${own}"\n` +
        `[peers]\nrouters = ["http://127.0.0.1:${own}", "${name}"]\nkey = "${PEER_KEY}"\n`,
    );
    await using router = await startLogging(folder, []);
    const lines = () =>
      logLines(router.output()).map(({ level, message }) => `${level} ${message}`)
        .filter((line) => line.includes(" Peer "));
    const away = (why: string) =>
      `warning Peer ${name} is away, so its requests show only in the servers' metrics: ${why}`;
    const isLast = (line: string) => until(line, () => lines().at(-1) === line);

    await isLast(away("Connection refused"));
    const peer = await startPeered([simulator.url], other, [`http://127.0.0.1:${own}`]);
    await isLast(`info Peer ${name} is up: each router tells the other of its requests`);
    await peer.shutdown(0);
    const ended = [away("it closed the connection"), away("the connection broke")];
    await until("it is away", () => lines().some((line) => ended.includes(line)));

    router.kill("SIGTERM");
    await router.status;
  }));
