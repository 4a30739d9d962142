// Runs an RP2040 image in rp2040js, from the very file that one would flash, and counts cycles:
//
//     node run.mjs IMAGE.uf2 BEGIN END
//
// The image's console (UART0) goes to standard output, and for each region, from the instruction at address BEGIN up to
// the one at END, a line `region cycles=C instructions=N`, as limpet-cycles has them. rp2040js counts by a table of its
// own; where it differs from the manuals it is corrected here. Exit status: that of the image (its line
// `end STATUS CRC`), 99 after a fault that it told, 70 when it cannot be run.
import { readFileSync, writeSync } from 'node:fs';
import { RP2040 } from 'rp2040js';

const FLASH_START = 0x10000000;
const RAM_START = 0x20000000;
const BOOT2_BYTES = 256;
const BOOT2_RUNS = 0x20041f00; // RP2040 datasheet, 2.8.1.3.1
const BAUD = 115200;
const BAUD_ERROR_MAX = 0.02;
const STATUS_FAULTED = 99;
const STATUS_CANNOT_RUN = 70;

class CannotRun extends Error {}

// {address, bytes} of each block: github.com/microsoft/uf2, family of RP2040 datasheet, 2.8.4.2.
function readUf2(path) {
    const file = readFileSync(path);
    const blocks = [];
    for (let at = 0; at < file.length; at += 512) {
        const word = (offset) => file.readUInt32LE(at + offset);
        if (word(0) !== 0x0a324655 || word(4) !== 0x9e5d5157 || word(508) !== 0x0ab16f30 || word(28) !== 0xe48bff56 ||
            word(16) !== 256 || word(20) !== blocks.length || word(24) !== file.length / 512)
            throw new CannotRun(`${path}: block ${blocks.length} is not one that an RP2040 takes`);
        blocks.push({ address: word(12), bytes: file.subarray(at + 32, at + 288) });
    }
    return blocks;
}

// CRC-32 as the boot ROM computes it of boot2: not reflected, not inverted.
function boot2Checksum(bytes) {
    let crc = 0xffffffff;
    for (const byte of bytes.subarray(0, BOOT2_BYTES - 4)) {
        crc ^= byte << 24;
        for (let bit = 0; bit < 8; ++bit) crc = (crc << 1) ^ (crc < 0 ? 0x04c11db7 : 0);
    }
    return crc >>> 0;
}

// What the boot ROM, which rp2040js comes without, does with an image.
function load(mcu, blocks) {
    for (const { address, bytes } of blocks)
        if (address >= RAM_START) mcu.sram.set(bytes, address - RAM_START);
        else mcu.flash.set(bytes, address - FLASH_START);
    const lowest = Math.min(...blocks.map((block) => block.address));
    if (lowest >= RAM_START) {
        mcu.core.PC = lowest;
        return;
    }
    const boot2 = mcu.flash.subarray(0, BOOT2_BYTES);
    if (boot2Checksum(boot2) !== mcu.flashView.getUint32(BOOT2_BYTES - 4, true))
        throw new CannotRun("boot2's checksum is wrong");
    mcu.sram.set(boot2, BOOT2_RUNS - RAM_START);
    mcu.core.PC = BOOT2_RUNS;
}

// Cycles that rp2040js forgets: it charges push with lr, and pop with pc, one register too few (ARM DDI0484C, table
// 3-1: 1+N, and 3+N with pc one of the N).
function forgottenCycles(opcode) {
    return (opcode & 0xff00) === 0xb500 || (opcode & 0xff00) === 0xbd00 ? 1 : 0;
}

// Complains of everything that a part would not stand; rp2040js only tells.
const strict = {
    debug() {},
    info() {},
    warn(component, message) {
        throw new CannotRun(`${component}: ${message}`);
    },
    error(component, message) {
        throw new CannotRun(`${component}: ${message}`);
    },
};

class Console {
    constructor() {
        this.line = '';
        this.status = null;
    }
    put(byte) {
        if (byte !== 10) {
            this.line += String.fromCharCode(byte);
            return;
        }
        this.tell(this.line);
        if (this.line.startsWith('end ')) this.status = parseInt(this.line.split(' ')[1], 16);
        if (this.line.startsWith('FAULT ')) this.status = STATUS_FAULTED;
        this.line = '';
    }
    tell(line) {
        writeSync(1, `${line}\n`);
    }
}

function run(path, begin, end) {
    const mcu = new RP2040();
    mcu.logger = strict;
    mcu.onBreak = (code) => {
        throw new CannotRun(`breakpoint ${code}`);
    };
    // SysTick reloads the moment that it reaches 0 there, so that a round lacks the tick at 0 (ARM DDI0419C, B3.3.1).
    // Without that alarm it counts on over its 24 bits, as with a reload value of 0xffffff.
    mcu.ppb.systickAlarm.enable = false;
    const output = new Console();
    const uart = mcu.uart[0];
    uart.onByte = (byte) => {
        if (Math.abs(uart.baudRate / BAUD - 1) > BAUD_ERROR_MAX)
            throw new CannotRun(`the console is at ${uart.baudRate} baud, not ${BAUD}`);
        output.put(byte);
    };
    load(mcu, readUf2(path));

    const { core, clock } = mcu;
    let cycles = 0;
    let instructions = 0;
    let cyclesAtBegin = null;
    let instructionsAtBegin = 0;
    while (output.status === null) {
        const address = core.PC;
        if (address === end && cyclesAtBegin !== null) {
            output.tell(`region cycles=${cycles - cyclesAtBegin} instructions=${instructions - instructionsAtBegin}`);
            cyclesAtBegin = null;
        }
        if (address === begin) {
            cyclesAtBegin = cycles;
            instructionsAtBegin = instructions;
        }
        const forgotten = forgottenCycles(mcu.readUint16(address));
        const spent = core.executeInstruction() + forgotten;
        if (core.waiting) throw new CannotRun('the image sleeps, and nothing would wake it');
        cycles += spent;
        instructions += 1;
        clock.tick((spent * 1e9) / mcu.clkSys);
    }
    return output.status;
}

const [path, begin, end] = process.argv.slice(2);
try {
    process.exitCode = run(path, Number(begin), Number(end));
} catch (error) {
    if (!(error instanceof CannotRun) && error.code !== 'ENOENT') throw error;
    console.error(`rp2040js: ${error.message}`);
    process.exitCode = STATUS_CANNOT_RUN;
}
