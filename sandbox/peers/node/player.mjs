// @discordjs/voice, driven by JSON lines: what the main gateway says comes in, what it is to be told goes out.
//
// In:  {"do": "join", "guild", "channel"} | {"do": "play", "file", "type": "ogg/opus" | "webm/opus"} | {"do": "leave"}
//      {"event": "VOICE_STATE_UPDATE" | "VOICE_SERVER_UPDATE", "d": {...}}
// Out: {"send": {...}} for the main gateway, {"connection": status}, {"player": status}, {"transitioned": id},
//      {"privacyCode": digits}, {"error": text}
//
// It runs in the directory that its packages are installed in, and ends when its input does.

import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const voice = createRequire(`${process.cwd()}/`)('@discordjs/voice');

const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

let connection;
let gateway;
const player = voice.createAudioPlayer();
player.on('stateChange', (_, { status }) => say({ player: status }));
player.on('error', (error) => say({ error: String(error) }));

function join({ guild, channel }) {
  connection = voice.joinVoiceChannel({
    guildId: guild,
    channelId: channel,
    adapterCreator: (methods) => {
      gateway = methods;
      return {
        sendPayload: (payload) => {
          say({ send: payload });
          return true;
        },
        destroy: () => {},
      };
    },
  });
  connection.on('stateChange', (_, { status }) => say({ connection: status }));
  connection.on('transitioned', (id) => say({ transitioned: id, privacyCode: connection.voicePrivacyCode }));
  connection.on('error', (error) => say({ error: String(error) }));
  connection.subscribe(player);
}

function play({ file, type }) {
  player.play(voice.createAudioResource(createReadStream(file), { inputType: type }));
}

const orders = { join, play, leave: () => connection.destroy() };

for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line);
  if (message.do) orders[message.do](message);
  else if (message.event === 'VOICE_STATE_UPDATE') gateway?.onVoiceStateUpdate(message.d);
  else gateway?.onVoiceServerUpdate(message.d);
}
process.exit(0);
