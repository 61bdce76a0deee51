// Weight format f32: four neighbours of a row in one word. Rows are padded with zeros to whole words.

alias WeightWord = vec4<f32>;
fn weightRow(row: u32, k: u32) -> u32 { return row * ((k + 3u) / 4u); }
fn weightFour(start: u32, four: u32) -> vec4<f32> { return weight[start + four]; }
