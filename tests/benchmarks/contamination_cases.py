"""Cases of contamination made by hand: stock phrases with two contents, frames of exam questions, paraphrases, hits that were read."""

from __future__ import annotations

STOCK_PAIRS = (
    ("Find the degree for the given field extension Q(sqrt(2), sqrt(3), sqrt(18)) over Q.", "Find the degree for the given field extension Q(sqrt(5) + sqrt(7), i) over Q(i)."),
    ("Find all c in Z_3 such that Z_3[x]/(x^2 + c) is a field.", "Find all zeros in the indicated finite field of the given polynomial with coefficients in that field. x^5 + 3x^3 + x^2 + 2x in Z_5"),
    ("Find the product of the given polynomials in the given polynomial ring. f(x) = 4x - 5, g(x) = 2x^2 - 4x + 2 in Z_8[x].", "Find the product of the given polynomials in the given polynomial ring. f(t) = t^3 + t + 1, g(t) = t^2 in Z_2[t]."),
    ("Statement 1 | Every element of a group generates a cyclic subgroup of the group. Statement 2 | The symmetric group S_10 has 10 elements.", "Statement 1 | Every continuous map of a compact space is closed. Statement 2 | The rationals are dense in the reals."),
    ("Which of the following statements about the enzyme amylase is true?", "Which of the following statements about the treaty of Utrecht is true?"),
    ("Which of the following is the most likely explanation for the rise in the price of copper?", "Which of the following is the most likely explanation for the colour of the flower in the second generation?"),
    ("Which of the following best describes the function of the spleen in adults?", "Which of the following best describes the relationship between the two speakers in the poem?"),
    ("This question refers to the following information. Read the passage below and answer the question. The senate passed the bill on grain.", "This question refers to the following information. Read the passage below and answer the question. Whales feed their young on milk."),
    ("According to the passage, the author would most likely agree with which of the following statements about whaling?", "According to the passage, the author would most likely agree with which of the following statements about city parks?"),
    ("In the following question, choose the option that best completes the sentence: The judge was known for her clemency.", "In the following question, choose the option that best completes the sentence: Volcanic soil is often fertile."),
    ("A patient presents to the emergency department with sudden chest pain. Which of the following is the most likely diagnosis?", "A patient presents to the emergency department with a swollen ankle after a fall. Which of the following is the most likely diagnosis?"),
    (r"Let $x$, $y$, and $z$ be positive real numbers such that $x + y + z = 1$. Find the minimum value of $\frac{1}{x} + \frac{4}{y} + \frac{9}{z}$.", r"Let $x$, $y$, and $z$ be positive real numbers such that $xyz = 32$. Find the minimum value of \[x^2 + 4xy + 4y^2 + 2z^2.\]"),
    ("Find all real values of $x$ that satisfy $x^2 - 5x < 6$. Express your answer in interval notation.", r"Find all real values of $x$ that satisfy $\frac{x(x+1)}{(x-4)^2} \ge 12$. Express your answer in interval notation."),
    ("What is the smallest positive integer $n$ such that $n!$ is divisible by 990?", r"What is the smallest positive integer $n$ such that $3n \equiv 1356 \pmod{22}$?"),
    ("What is the probability that the sum of two dice is prime? Express your answer as a common fraction.", "What is the probability that a drawn marble is blue? Express your answer as a common fraction."),
    (r"Find the sum of all integers that satisfy these conditions: \[|x|+1>8\text{ and }|x+1|\le9.\]", r"Find the sum of all integers that satisfy these conditions: \[x^2 < 40\text{ and }2x+1\ge3.\]"),
    ("Let $f(x) = 3x + 2$. Find the value of $f(f(4))$.", r"Let $f(x) = \lfloor x \rfloor + |x|$. Find the value of $f(-2.5)$."),
    ("How many different positive integers can be written as the sum of two distinct squares less than 50?", "How many different positive integers can be written as the product of three primes below 12?"),
    ("Find the remainder when $x^4 + 2$ is divided by $(x - 2)^2$.", "Find the remainder when the sum $75 + 76 + 77 + 78 + 79 + 80$ is divided by 16."),
    (r"Convert the point $(0,5)$ in rectangular coordinates to polar coordinates. Enter your answer in the form $(r,\theta),$ where $r > 0$ and $0 \le \theta < 2 \pi.$", r"Convert the point $(2,-2,-7)$ in rectangular coordinates to cylindrical coordinates. Enter your answer in the form $(r,\theta,z),$ where $r > 0$ and $0 \le \theta < 2 \pi.$"),
    (r"Evaluate the following expression and express your answer in simplest radical form: $\sqrt{50} + \sqrt{8}$.", r"Evaluate the following expression and express your answer in simplest radical form: $\sqrt[3]{54}\cdot\sqrt{12}$."),
    ("The graph of the function $y = f(x)$ is shown below. For how many values of $x$ is $f(f(x)) = 3$? [asy] draw((0,0)--(1,1)); [/asy]", "The graph of the function $y = f(x)$ is shown below. What is the period of $f$? [asy] draw((2,3)--(4,1)--(5,5)); [/asy]"),
    ("Select the best answer to complete the sentence. The council has decided to postpone its vote.", "Select the best answer to complete the sentence. Birds migrate because of the cold."),
    ("Suppose that a researcher wants to test the hypothesis that tea improves sleep. Which of the following would be the best design?", "Suppose that a researcher wants to test the hypothesis that dogs know colours. Which of the following would be the best design?"),
    ("For which of the following values of $k$ does the equation $x^2 + kx + 9 = 0$ have no real solutions?", r"For which of the following values of $k$ does the equation $\sin x = k$ have exactly two solutions on a circle?"),
)  # fmt: skip
"""A test item, and a text that has its stock phrases and another content."""

FRAMES = (
    "A scholar of the old school was asked at the yearly congress of her guild in Vienna to give three reasons for {}.",
    "The table printed on the left page of the booklet gives what a survey in nine towns has shown about {}; who is right?",
    "Both of the claims that are printed in bold type on this sheet are about {}; mark with a cross the claim that holds.",
    "Listen to the recording twice, then fill the gaps of the summary on your sheet with words about {} that you heard.",
)
"""Frames of exam questions, each in many items of one test set."""
CONTENTS = (
    "copper mines,glass beads,tidal mills,river trade,moss gardens,stone bridges,fur hats,bee keeping,salt taxes,rope making,"
    "night trains,paper money,ice roads,wool prices,signal fires,cave art,fish ponds,silk moths,clock towers,corn laws,"
    "whale oil,tea houses,map makers,brick kilns,canal locks,street lamps,horse fairs,apple rust,opera masks,pearl divers,"
    "desert wells,choir books,kite festivals,rain gauges,harbour fees,lace schools,goose feathers,windmill sails,fossil ferns,"
    "peat fires,chess clocks,sugar beets,lighthouse lenses,mountain huts,seed vaults,puppet shows,ferry bells,tin soldiers,"
    "barley beer,snow fences,star charts,pine tar,mail coaches,coral reefs,iron gates,lemon groves,duck ponds,cedar chests,"
    "plague masks,water clocks"
)

PARAPHRASES = {
    6: "For 3 hours John is on the road at 60 mph until it strikes him that something important was left at home, so back he goes. He wants to be there within 4 hours, but 2 of them pass without moving in traffic; half an hour follows at 30mph, and what is left of the 4 hours he does at 80 mph. What distance still parts him from home then?",
    35: "Beeswax candles are Charlie's new business: a pound of wax gives 10 of them, and costs $10.00 together with the wicks. At a price of $2.00 a candle, what does he earn, after costs, on 20?",
    64: "Of 22 football games a team won 8 more than it lost. What is the number of its victories?",
    93: "For the sausage buns of a party Dylan got 38 sausages of chicken; of fish he got 6 more. What is the number of all his sausages?",
    122: "There are 11 tadpoles that Finn can watch in a pond. Another 6 leave the lily pad under which they hid, and after that 2 vanish below a rock. What number does he see at the end?",
    151: "Soda is a city with 23786 people: 8417 are men, 9092 women, and all others children. What is the number of its children?",
    180: "The ink that remains in five used up pens makes a full one, as Ram, who writes much, has found out. Starting with 25 bought pens and making new ones of the old, how many pens does that give him altogether?",
    209: "A play has Sean learning by heart a solo song of 54 lines and what he says in two scenes. Scene one is twice as long as the song, a third of it being his; scene two is six lines longer than the song, and four-fifths belong to him. What is the count of lines to be learnt?",
    238: "105 people belong to a football team. The offense is twice as large as the defense, the special teams half as large. How large is the defense?",
    267: "Andrea put some of her $36 aside. An $11 sweater and $4 for her brother took all that was not saved. What sum was put aside?",
    296: "Monica has 144 inches of ribbon for the bows of her Christmas gifts: 6 for the family, 4 for friends, 2 for teachers. If all bows are alike, what length goes into each?",
    325: "To bring birds into her garden Lillian puts up 3 feeders of her own making and 3 from a shop. A feeder draws 20 birds a day, but those she made draw 10 more than that. What number of birds will visit daily?",
    354: "Leila, who owned $100, handed half of it to Ali, who had $21 already. What does Ali own after that?",
    383: "A chair is 3 feet wide, and a rug 5 feet wider than it. Twice the rug's width and 2 feet more is how long the couch is. Give the couch's length in feet.",
    412: "Our dinner came to $50. My wife and I go halves on the bill, but the tip of 20% is to be mine alone. What was my share of the cost?",
    441: "Diane's number train sets out with 20. Half of that is added, the whole divided by 5, and the quotient multiplied by 12 less than what it set out with. At which number does it arrive?",
    470: "At a steakhouse five basketball players had dinner: one had a steak of 6 ounces, another 8 beef tips of one ounce, a third a steak of a pound, and the last two no meat at all. How many ounces of meat is that?",
    499: "Two sister companies put articles on the web: 20 a day on politics and weather the one, 10 a day on business the other, as a rule. What do they come to together over the 28 days of February?",
    528: "Autographs are what the sisters Carol and Jennifer from Los Angeles hunt for in their holidays. With five weeks gone Carol owns 20 and Jennifer 44, and three weeks are left. How many are missing if they want 100 between them?",
    557: "Alex takes $12 a day for tutoring. What is the bill for 2 weeks, each of 7 days?",
    586: "Entry to one amusement park is $26 for grown-ups and $12 for children, to another $14 and $10. What does Jake's family of 2 grown-ups and 2 children save by going to the cheaper?",
    615: "A party of four paid 64 dollars for four pizzas. 30 dollars went for two of them; the remaining two had the same price. Which?",
    644: "Every S'more takes a marshmallow, and John and DeSean have a bag of 35. Each of the boys makes 9, and 3 fall to the ground. Sharing what is in the bag after that, how many further S'mores are there for either?",
    673: "On Mr. Smith's Farm X there are 55 goats and on Farm Y 45. After 10 of the first and double that of the second are sold, how many does he still own?",
    702: "On Tuesdays 125 chimichangas are made at a burrito shop, on Wednesdays as many, and double that number on Fridays. What does it make on the three days?",
    731: "Larry keeps pets: 3 cats, three dogs for every cat, rabbits 2 fewer than dogs, fish three for every rabbit, and gerbils a third of the fish. What is the number of all of them?",
    760: "48 people listened to a concert, says Courtney, but by Kelly, who is right, that is 20% too many. What was the true number?",
    789: "The ages of Akbar, Alessandro, Helene and Wilfred, who play together, add up to 20. Helene's is double the mean of all four; Akbar's is 3 and Alessandro's 4. How old is Wilfred?",
    818: "A king-sized bed of 6 by 8 feet is to get a comforter. For it Jim cuts two pieces of cloth, 2 feet more than the bed in length and in width. What area must he buy, in square feet?",
    847: "20 trucks, with 20 tons of bagged fertiliser on each, left the store of Mr Hezekiah for the farmers one day. A quarter of them broke down on the way and never arrived. How many tons came to the farmers?",
    876: "Chris is 4. Ben's age is two times that of Chris, and Caroline's three times that of Ben. What is Caroline's age?",
    905: "A new farm has 50 cows and 20 chickens. For three weeks 20 more cows come daily from one supplier and 10 more chickens from another. How many animals live there in the end?",
    934: "Among Miss Albert's pupils are 12 girls and 12 boys. A third of the former and a fourth of the latter play varsity sports. How many do not?",
    963: "Ali teaches the only class of a private school, made for 120 students. At the public school of his colleague John there are two classes, each with an eighth of that capacity. What do both schools hold together?",
    992: "A call keeps Tim busy for 15 minutes. He is on the phone 6 hours a day, 5 days a week. How many calls a week is that?",
    1021: "In a small sunflower are 3 dozen seeds; a large one holds 50% more. What do the two hold together?",
}  # fmt: skip
"""Items of GSM8K's test set, by line, in other words with their names and numbers."""

READ = {
    (21, 489): "same: stamps bought at a post office; name and numbers differ",
    (1315, 462): "same: hours more at the same rate; a train for a plane, other numbers",
    (5163, 462): "same: hours more at the same rate; a train for a plane, other numbers",
}
"""Rows of GSM8K's training set that are rejected for an item of its test set, by line: what a reader says of the two."""
READ_MATH = {
    29: "another: the three sit apart there, together here",
    122: "same: medians, centroid and a parallel; another area, and another of the small triangles is asked for",
}
"""The same of problems of MATH, by the line of the item."""
