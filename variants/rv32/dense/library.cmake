# What rv32-dense's library needs beside dense.S. Included by limpet_add_library, with target and isa set.
limpet_add_tables(${target} dense)
