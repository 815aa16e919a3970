// @discordjs/voice's own player and connections, in one process: `node peer_discordjs.mjs <sink port> <file>`.
//
// Each connection is brought to the state that it is in after it has joined, without a voice gateway: its UDP socket,
// key, mode, SSRC and DAVE session are real, the websocket is not there. The library's own code does the rest.
// Orders and answers are a line of JSON each, as in standing.py. It runs where its packages are installed.

import { createSign, generateKeyPairSync, randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const require = createRequire(`${process.cwd()}/`);
const voice = require('@discordjs/voice');
const davey = require('@snazzah/davey');

const [sinkPort, file] = [Number(process.argv[2]), process.argv[3]];
const SPREAD_MS = 1000;
const MODE = 'aead_aes256_gcm_rtpsize';
const READY = 4; // NetworkingStatusCode.Ready
const CHANNEL = '123456789012345678';

// -- a DAVE session that is ready: what dave.py does, and says why ------------------------------------------------

const u16 = (n) => Buffer.from([n >> 8, n & 255]);
const u32 = (n) => Buffer.concat([u16(n >>> 16), u16(n & 0xffff)]);
const u64 = (n) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(n));
  return bytes;
};
const vector = (bytes) => {
  const length = bytes.length < 64 ? Buffer.from([bytes.length]) : u16(0x4000 | bytes.length);
  return Buffer.concat([length, bytes]);
};

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const point = publicKey.export({ type: 'spki', format: 'der' }).subarray(-65);
const externalSender = Buffer.concat([vector(point), u16(1), vector(Buffer.alloc(8))]);

function addProposal(keyPackage) {
  const sender = Buffer.concat([Buffer.from([2]), u32(0)]);
  const add = Buffer.concat([Buffer.from([2]), u16(1), keyPackage]);
  const framed = Buffer.concat([vector(u64(CHANNEL)), u64(0), sender, vector(Buffer.alloc(0)), add]);
  const content = Buffer.concat([u16(1), u16(1), framed]);
  const signed = Buffer.concat([vector(Buffer.from('MLS 1.0 FramedContentTBS')), vector(content)]);
  const signature = createSign('sha256').update(signed).sign(privateKey);
  return vector(Buffer.concat([content, vector(signature)]));
}

function readySession(number) {
  const dave = new voice.DAVESession(1, String(1000 + number), CHANNEL, {});
  dave.session = new davey.DAVESession(1, String(1000 + number), CHANNEL);
  const listener = new davey.DAVESession(1, String(900000 + number), CHANNEL);
  for (const session of [dave.session, listener]) session.setExternalSender(externalSender);
  listener.getSerializedKeyPackage();
  const proposal = addProposal(dave.session.getSerializedKeyPackage());
  const { welcome } = listener.processProposals(davey.ProposalsOperationType.APPEND, proposal);
  dave.session.processWelcome(welcome);
  if (!dave.session.ready) throw new Error('a DAVE session did not become ready');
  return dave;
}

// -- connections --------------------------------------------------------------------------------------------------

function connected(number) {
  const adapter = { sendPayload: () => true, destroy: () => {} };
  const options = { guildId: String(number), channelId: CHANNEL, adapterCreator: () => adapter };
  const connection = voice.joinVoiceChannel(options);
  const networking = Object.create(voice.Networking.prototype);
  EventEmitter.call(networking);
  networking._state = {
    code: READY,
    ws: Object.assign(new EventEmitter(), { sendPacket: () => {} }),
    udp: new voice.VoiceUDPSocket({ ip: '127.0.0.1', port: sinkPort }),
    dave: readySession(number),
    connectionData: {
      speaking: false,
      ssrc: number,
      encryptionMode: MODE,
      secretKey: randomBytes(32),
      sequence: 0,
      timestamp: 0,
      nonce: 0,
      nonceBuffer: Buffer.alloc(12),
      packetsPlayed: 0,
    },
  };
  connection.state = { status: voice.VoiceConnectionStatus.Ready, adapter, networking };
  const player = voice.createAudioPlayer();
  player.on('error', (error) => console.error(error));
  connection.subscribe(player);
  return player;
}

const players = [];

async function play({ streams }) {
  for (const player of players.slice(streams)) player.pause();
  while (players.length < streams) players.push(connected(players.length + 1));
  for (const player of players.slice(0, streams)) {
    if (!player.unpause() && player.state.status === voice.AudioPlayerStatus.Idle) {
      player.play(voice.createAudioResource(createReadStream(file), { inputType: voice.StreamType.WebmOpus }));
    }
    await sleep(SPREAD_MS / streams);
  }
  return {};
}

const deeds = { play };

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  const answer = await deeds[order.do](order).catch((error) => ({ failed: String(error.stack) }));
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
process.exit(0);
