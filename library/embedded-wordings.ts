/** What the embedded model was taught to be asked. */

/** The kinds of questions, each in the words of several people. */
export const WORDINGS = {
  color: [
    'What color is the {shape}?',
    'Which color does the {shape} have?',
    'Can you tell me the color of the {shape}?',
  ],
  shape: ['What shape is the {color} object?', 'Which shape is {color}?', 'What is the {color} thing?'],
  count: ['How many objects are in the video?', 'How many shapes appear in total?', 'How many shapes can you see?'],
  moves: ['Which object moves?', 'What is moving?', 'What moves across the picture?'],
  direction: [
    'Which way does the {shape} move?',
    'In which direction does the {shape} go?',
    'Where is the {shape} heading?',
  ],
  camera: [
    'Which way does the camera move?',
    'Where does the camera pan to?',
    'In which direction does the camera go?',
  ],
  flash: ['Which object flashes?', 'What is visible only briefly?', 'What can be seen for a moment only?'],
  last: ['Which object appears last?', 'What is the last thing to appear?', 'Which object comes in last?'],
  order: [
    'Which appears first, the {shape} or the {other}?',
    'What comes first, the {shape} or the {other}?',
    'Who is there earlier, the {shape} or the {other}?',
  ],
  bg_start: [
    'What color is the background at the start?',
    'Which color does the background have at first?',
    'What does the background look like in the beginning?',
  ],
  bg_end: [
    'What color is the background at the end?',
    'Which color does the background have in the end?',
    'What does the background look like when the video ends?',
  ],
  begin: ['What happens first?', 'What is the first event?', 'What is the first thing that happens?'],
  end: ['What happens at the end?', 'What is the last event?', 'What is the last thing that happens?'],
  where: ['Where is the {shape}?', 'In which corner is the {shape}?', 'Where can I find the {shape}?'],
  exist: ['Is there a {color} {shape}?', 'Can you see a {color} {shape}?', 'Does a {color} {shape} appear?'],
  describe: [
    'What happens in this video?',
    'Describe the video.',
    'What is going on here?',
    'Tell me what you see in this video.',
  ],
} as const satisfies Record<string, readonly string[]>;

/** A kind of question. */
export type QuestionType = keyof typeof WORDINGS;
