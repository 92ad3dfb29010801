const list = (text: string) => text.trim().split(/\s+/);

/** First halves of generated names. */
export const adjectives = list(`
  able amber apt awake bold brave breezy bright brisk calm careful charming cheerful clever cosy crisp curious daring deft dreamy eager
  earnest easy elegant epic fair fancy fearless festive fine fluent focused fond frank fresh friendly gentle gifted glad golden graceful
  happy hardy honest hopeful humble jolly jovial keen kind lively loving loyal lucid lucky mellow merry modest neat nimble noble optimistic
  patient peaceful placid polite proud quick quiet quirky ready relaxed robust serene sharp silent sincere sleepy smart snug solid steady
  sunny sweet swift tender tidy trusting upbeat vibrant vigilant vivid warm wise witty zealous zen`);

/** Second halves: people of science and engineering. */
export const surnames = list(`
  agnesi albattani almeida ampere archimedes aryabhata avogadro babbage banach bardeen bartik bassi bell bernoulli bhabha bhaskara blackwell
  bohr boole borg bose boyd brahmagupta brattain brown buck burnell cannon carson cartwright cerf chandrasekhar chebyshev clarke cohen colden
  cori cray curie curran darwin davinci dewdney dhawan diffie dijkstra dirac driscoll easley edison einstein elion ellis engelbart euclid
  euler faraday feistel fermat fermi feynman franklin galileo galois gates gauss germain goldberg goldstine golick goodall gould greider
  haibt hamilton haslett hawking heisenberg hermann hertz heyrovsky hodgkin hofstadter hoover hopper hugle hypatia jackson jang jennings
  jepsen johnson joliot jones kalam kapitsa kare keldysh keller kepler kilby kirch knuth kowalevski lalande lamarr lamport leakey leavitt
  lehmann lewin lichterman liskov lovelace lumiere mahavira maxwell mayer mccarthy mcclintock mclean mcnulty meitner mendel mendeleev meninsky
  merkle mirzakhani moore morse murdock napier nash neumann newton nightingale nobel noether northcutt noyce panini pare pascal pasteur payne
  perlman pike poincare ptolemy raman ramanujan rhodes ride ritchie rosalind rubin saha sammet sanderson shannon shaw shirley shockley
  sinoussi snyder solomon spence stallman swanson swartz swirles taussig tesla tharp thompson torvalds turing varahamihira vaughan villani
  visvesvaraya volhard wescoff wiles williams wilson wing wozniak wright yalow yonath zhukovsky`);
