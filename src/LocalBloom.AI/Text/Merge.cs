namespace LocalBloom.AI.Text;

/// <summary>What a pair of tokens becomes.</summary>
/// <param name="Rank">Its turn: lower ranks merge first.</param>
/// <param name="Id">The token that the pair becomes.</param>
internal readonly record struct Merge(int Rank, int Id);
