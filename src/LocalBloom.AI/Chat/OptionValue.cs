namespace LocalBloom.AI.Chat;

/// <summary>Range checks of chat options.</summary>
internal static class OptionValue
{
    /// <summary>Throws unless an option's value is in range.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not; the error names the option, the value and the range.</exception>
    public static void Require(bool inRange, string option, object value, string range)
    {
        if (!inRange)
        {
            throw new ArgumentOutOfRangeException(option, value, $"The chat option {option} must be {range}.");
        }
    }
}
