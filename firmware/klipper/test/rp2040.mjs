// Runs Klipper's RP2040 firmware in rp2040js, with its UART0 on standard input and output:
//
//     node rp2040.mjs RP2040JS KLIPPER.uf2 [STEP_MS]
//
// RP2040JS: the package's folder. A byte "?" on the control channel (file descriptor 3) asks for the lowest stack
// pointer since the last question, which is answered there in hexadecimal, and a newline.
//
// Emulated time follows the PC's: it is behind while there is much to do, and never ahead. With STEP_MS it stands still
// but for so long after each byte "t" on the control channel, which is answered when that time is over and all that was
// sent has been written: whoever talks to the firmware has all the time that it wants.
//
// This file may be distributed under the terms of the GNU GPLv3 license (see LICENSE in the folder above).
import { createReadStream, readFileSync, writeSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const BOOT2_BYTES = 256;
const BOOT2_RUNS = 0x20041f00; // RP2040 datasheet, 2.8.1.3.1
const FLASH_START = 0x10000000;
const STEPS = 20000;
const RX_STEPS = 500; // from one byte that comes in to the next
const IDLE_CYCLES = 500; // at once, while nothing runs: 4 us

const [folder, path, stepMs] = process.argv.slice(2);
const { RP2040 } = await import(pathToFileURL(`${folder}/dist/esm/index.js`));
const mcu = new RP2040();
mcu.logger = { debug() {}, info() {}, warn() {}, error() {} };

const file = readFileSync(path); // github.com/microsoft/uf2
for (let at = 0; at < file.length; at += 512) {
    const bytes = file.readUInt32LE(at + 16);
    mcu.flash.set(file.subarray(at + 32, at + 32 + bytes), file.readUInt32LE(at + 12) - FLASH_START);
}
mcu.sram.set(mcu.flash.subarray(0, BOOT2_BYTES), BOOT2_RUNS - 0x20000000); // as the boot ROM does
mcu.core.PC = BOOT2_RUNS;
mcu.core.registers[13] = BOOT2_RUNS;
mcu.core.registers[14] = 0; // boot2: start what is in flash

const incoming = [];
process.stdin.on('data', (bytes) => incoming.push(...bytes));
process.stdin.on('end', () => process.exit(0));
let outgoing = [];
mcu.uart[0].onByte = (byte) => outgoing.push(byte);

let lowest = 0xffffffff;
let emulatedNs = 0;
let limitNs = 0; // how far it may go
const start = process.hrtime.bigint();

createReadStream(null, { fd: 3 }).on('data', (questions) => {
    for (const question of questions.toString()) {
        if (question === 't') {
            limitNs += stepMs * 1e6;
            run();
        } else {
            writeSync(3, `${lowest.toString(16)}\n`);
            lowest = 0xffffffff;
        }
    }
});

let sinceByte = 0;
function steps() {
    const { core, clock } = mcu;
    for (let i = 0; i < STEPS && emulatedNs < limitNs; ++i) {
        let cycles = 1;
        if (core.waiting) {
            cycles = IDLE_CYCLES;
            core.cycles += cycles;
        } else {
            cycles = core.executeInstruction();
            const sp = core.registers[13];
            if (sp < lowest && sp > 0x20000000) lowest = sp;
        }
        const ns = (cycles * 1e9) / mcu.clkSys;
        clock.tick(ns);
        emulatedNs += ns;
        if (++sinceByte > RX_STEPS && incoming.length && !mcu.uart[0].rxFIFO.full) {
            sinceByte = 0;
            mcu.uart[0].feedByte(incoming.shift());
        }
    }
    if (outgoing.length) {
        writeSync(1, Buffer.from(outgoing));
        outgoing = [];
    }
}

function run() {
    if (stepMs === undefined) limitNs = Number(process.hrtime.bigint() - start);
    steps();
    if (emulatedNs < limitNs) setImmediate(run);
    else if (stepMs === undefined) setTimeout(run, 1);
    else writeSync(3, 't\n');
}
if (stepMs === undefined) run();
